-- Orders that count: each id once (the newest line wins), cancelled ones left out.
CREATE TABLE orders AS
SELECT order_id, customer_id, category, amount_cents, ordered_at::DATE AS day
FROM source
QUALIFY row_number() OVER (PARTITION BY order_id ORDER BY updated_at DESC, amount_cents DESC) = 1 AND status <> 'cancelled'
ORDER BY order_id;
