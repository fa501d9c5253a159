-- Usage: how many of the users who opened the application searched, and booked, in the last thirty days
WITH steps AS (
  SELECT user_sub,
         min(CASE WHEN name = 'opened' THEN happened_at END) AS opened,
         min(CASE WHEN name = 'searched' THEN happened_at END) AS searched,
         min(CASE WHEN name = 'booked' THEN happened_at END) AS booked
  FROM events
  WHERE user_sub <> ''
    AND day >= date_format(current_date - interval '30' day, '%Y-%m-%d')
  GROUP BY user_sub
)
SELECT count(opened) AS opened,
       count(CASE WHEN searched >= opened THEN 1 END) AS searched,
       count(CASE WHEN searched >= opened AND booked >= searched THEN 1 END) AS booked
FROM steps
