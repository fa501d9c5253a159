-- Segment: users who were seen in the last seven days
SELECT DISTINCT user_sub
FROM events
WHERE user_sub <> ''
  AND day >= date_format(current_date - interval '7' day, '%Y-%m-%d')
ORDER BY user_sub
