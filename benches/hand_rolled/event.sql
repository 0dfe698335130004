-- One event, for pgbench: a member (few of them busy), a total of 5 to 195 euros, 30 % orders.
\set u random_zipfian(1, 200000, 1.01)
\set t random(500, 19500)
\set k random(1, 10)
SELECT process_event(gen_random_uuid(), 'u_'||lpad((:u)::text,9,'0'), CASE WHEN :k<=3 THEN 'Order Completed' WHEN :k<=5 THEN 'Product Viewed' WHEN :k<=7 THEN 'Cart Viewed' ELSE 'App Opened' END, now(), ('{"order_id":"ord_63622231","total":'||(:t/100.0)||',"currency":"EUR","coupon":"WELCOME10","channel":"web","store":"berlin-35","products":[{"product_id":"p_0364","category":"shoes","price":71.52,"quantity":2},{"product_id":"p_0361","category":"hats","price":11.50,"quantity":1}]}')::jsonb, false);
