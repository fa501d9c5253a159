-- Segment: users who were seen for the first time in the last seven days
SELECT user_sub
FROM events
WHERE user_sub <> ''
  AND day >= date_format(current_date - interval '180' day, '%Y-%m-%d')
GROUP BY user_sub
HAVING min(day) >= date_format(current_date - interval '7' day, '%Y-%m-%d')
ORDER BY user_sub
