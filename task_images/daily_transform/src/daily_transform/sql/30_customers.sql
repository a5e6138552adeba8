-- One line per customer, the best first.
CREATE TABLE customers AS
SELECT customer_id, count(*) AS orders, sum(amount_cents)::BIGINT AS revenue_cents, min(day) AS first_day, max(day) AS last_day
FROM orders
GROUP BY customer_id
ORDER BY revenue_cents DESC, customer_id;
