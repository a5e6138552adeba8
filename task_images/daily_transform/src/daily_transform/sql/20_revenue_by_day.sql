-- One line per day and category.
CREATE TABLE revenue_by_day AS
SELECT day, category, count(*) AS orders, count(DISTINCT customer_id) AS customers, sum(amount_cents)::BIGINT AS revenue_cents
FROM orders
GROUP BY day, category
ORDER BY day, category;
