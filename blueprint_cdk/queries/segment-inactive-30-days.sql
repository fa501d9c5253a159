-- Segment: users of the last half year who were not seen for thirty days
SELECT user_sub
FROM events
WHERE user_sub <> ''
  AND day >= date_format(current_date - interval '180' day, '%Y-%m-%d')
GROUP BY user_sub
HAVING max(day) < date_format(current_date - interval '30' day, '%Y-%m-%d')
ORDER BY user_sub
