-- Usage: users of today, of the last seven and of the last thirty days
SELECT count(DISTINCT user_sub) FILTER (WHERE day = date_format(current_date, '%Y-%m-%d')) AS today,
       count(DISTINCT user_sub) FILTER (WHERE day >= date_format(current_date - interval '6' day, '%Y-%m-%d')) AS week,
       count(DISTINCT user_sub) AS month
FROM events
WHERE user_sub <> ''
  AND day >= date_format(current_date - interval '29' day, '%Y-%m-%d')
