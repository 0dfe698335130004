-- The baseline: loyalty points as a team would write them by hand, in one function and one transaction an event.
-- It deduplicates by the message's id, keeps 200,000 members with their traits, weighs ten conditions, writes up
-- to two ledger rows, and puts a message into an outbox for every fifth event.

DROP TABLE IF EXISTS n_members,n_events,n_ledger,n_outbox,n_rollup CASCADE;
CREATE TABLE n_members(id bigint PRIMARY KEY,user_id text UNIQUE NOT NULL,points bigint NOT NULL DEFAULT 0,tier text,country text,email text,consent boolean,traits jsonb NOT NULL,counts jsonb NOT NULL DEFAULT '{}',total_spent numeric NOT NULL DEFAULT 0,last_order_at timestamptz,updated_at timestamptz);
CREATE TABLE n_events(seq bigserial PRIMARY KEY,mid uuid UNIQUE NOT NULL,member_id bigint NOT NULL,name text NOT NULL,ts timestamptz NOT NULL,props jsonb NOT NULL);
CREATE INDEX ON n_events(member_id,seq);
CREATE TABLE n_ledger(id bigserial PRIMARY KEY,member_id bigint NOT NULL,event_seq bigint NOT NULL,ts timestamptz NOT NULL,delta bigint NOT NULL,balance bigint NOT NULL,rule int NOT NULL);
CREATE INDEX ON n_ledger(member_id,id);
CREATE TABLE n_outbox(id bigserial PRIMARY KEY,member_id bigint NOT NULL,payload jsonb NOT NULL);
CREATE TABLE n_rollup(day date,name text,n bigint,total numeric,PRIMARY KEY(day,name));
INSERT INTO n_members(id,user_id,tier,country,email,consent,traits) SELECT i,'u_'||lpad(i::text,9,'0'),(ARRAY['bronze','silver','gold'])[1+i%3],(ARRAY['DE','AT','CH','FR'])[1+i%4],'user'||i||'@example.com',i%2=0,jsonb_build_object('firstName','First'||i,'lastName','Last'||i,'language','de-DE','birthday','1988-04-12','phone','+4917'||i,'createdAt','2024-03-01T09:00:00.000Z','plan','standard','favoriteStore','berlin-01','tags',jsonb_build_array('newsletter','app','vip-candidate'),'referralCode','REF'||i) FROM generate_series(1,200000) i;
VACUUM ANALYZE n_members;
CREATE OR REPLACE FUNCTION process_event(p_mid uuid,p_user text,p_name text,p_ts timestamptz,p_props jsonb,p_rollup boolean) RETURNS int LANGUAGE plpgsql AS $$
DECLARE m n_members; s bigint; tot numeric := (p_props->>'total')::numeric; c int; d bigint:=0; d2 bigint:=0;
BEGIN
 SELECT * INTO m FROM n_members WHERE user_id=p_user FOR UPDATE;
 INSERT INTO n_events(mid,member_id,name,ts,props) VALUES(p_mid,m.id,p_name,p_ts,p_props) ON CONFLICT (mid) DO NOTHING RETURNING seq INTO s;
 IF s IS NULL THEN RETURN 0; END IF;
 c := coalesce((m.counts->>p_name)::int,0);
 IF tot>=50 AND m.country IN ('DE','AT') AND c<10 THEN d:=d+(tot::bigint); END IF;
 IF p_name='Order Completed' AND p_props->>'currency'='EUR' THEN d:=d+(tot::bigint); END IF;
 IF jsonb_path_exists(p_props,'$.products[*] ? (@.category == "shoes" && @.price > 40)') THEN d2:=d2+50; END IF;
 IF m.tier='gold' OR m.points>5000 THEN d2:=d2+1; END IF;
 IF p_props ? 'coupon' AND p_props->>'coupon' LIKE 'WELCOME%' THEN d2:=d2+1; END IF;
 IF p_ts-m.last_order_at > interval '30 days' THEN d2:=d2+5; END IF;
 IF jsonb_array_length(p_props->'products')>=2 AND p_props->>'channel'<>'pos' THEN d2:=d2+2; END IF;
 IF c%5=4 THEN d2:=d2+10; END IF;
 IF m.email LIKE '%@example.com' AND m.consent THEN d2:=d2+1; END IF;
 IF tot*1.5+10>100 AND m.country<>'FR' THEN d2:=d2+1; END IF;
 IF p_name<>'Order Completed' THEN d2:=0; IF hashtext(p_mid::text)%4<>0 THEN d:=0; END IF; END IF;
 UPDATE n_members SET points=points+d+d2,counts=jsonb_set(counts,ARRAY[p_name],to_jsonb(c+1)),total_spent=total_spent+tot,last_order_at=p_ts,updated_at=now() WHERE id=m.id;
 IF d>0 THEN INSERT INTO n_ledger(member_id,event_seq,ts,delta,balance,rule) VALUES(m.id,s,p_ts,d,m.points+d,1); END IF;
 IF d2>20 THEN INSERT INTO n_ledger(member_id,event_seq,ts,delta,balance,rule) VALUES(m.id,s,p_ts,d2,m.points+d+d2,2); END IF;
 IF hashtext(p_mid::text)%5=0 THEN INSERT INTO n_outbox(member_id,payload) VALUES(m.id,jsonb_build_object('kind','email','template','points_awarded','to',m.email,'eventId',s,'total',tot)); END IF;
 IF p_rollup THEN INSERT INTO n_rollup VALUES(p_ts::date,p_name,1,tot) ON CONFLICT(day,name) DO UPDATE SET n=n_rollup.n+1,total=n_rollup.total+excluded.total; END IF;
 RETURN 1;
END $$;
