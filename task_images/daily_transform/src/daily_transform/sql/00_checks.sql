-- What no table should be made of: error() ends the run as bad input, with its text. A check leaves no table.
SELECT CASE WHEN count(*) > 0 THEN error(
  count(*) || ' lines lack order_id, customer_id, category, amount_cents, status, ordered_at or updated_at: mend the source'
) END
FROM source
WHERE order_id IS NULL OR customer_id IS NULL OR category IS NULL OR amount_cents IS NULL OR status IS NULL
   OR ordered_at IS NULL OR updated_at IS NULL;
