-- Segment: everyone who was seen in the last half year
SELECT DISTINCT user_sub
FROM events
WHERE user_sub <> ''
  AND day >= date_format(current_date - interval '180' day, '%Y-%m-%d')
ORDER BY user_sub
