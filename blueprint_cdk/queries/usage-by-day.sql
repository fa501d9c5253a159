-- Usage: events, users and visits of each of the last thirty days
SELECT day,
       count(DISTINCT event_id) AS events,
       count(DISTINCT user_sub) AS users,
       count(DISTINCT session_id) AS sessions
FROM events
WHERE day >= date_format(current_date - interval '30' day, '%Y-%m-%d')
GROUP BY day
ORDER BY day
