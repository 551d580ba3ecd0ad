-- The table that the example reads and the stage that it uses: run this in the database and schema of the connection.
CREATE STAGE IF NOT EXISTS PARTWISE;

CREATE OR REPLACE TABLE SALES_DATA AS
SELECT
  CASE SEQ4() % 4 WHEN 0 THEN 'North' WHEN 1 THEN 'South' WHEN 2 THEN 'East' ELSE 'West' END AS REGION,
  (1000 + SEQ4() * 7 % 23)::NUMBER(38, 0) AS CUSTOMER_ID,
  (SEQ4() * 37 % 400 + 20.5)::NUMBER(10, 2) AS AMOUNT,
  DATEADD(DAY, SEQ4() % 90, '2024-01-01'::DATE) AS ORDER_DATE
FROM TABLE(GENERATOR(ROWCOUNT => 200));
