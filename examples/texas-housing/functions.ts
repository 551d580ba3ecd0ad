import { definePartitionFunction } from 'partwise';

/** With a larger share of missing months, a trend would be guesswork. */
const MAX_GAPS = 1 / 3;

interface Year {
  year: number;
  /** Homes sold per month, averaged over the months with data. */
  sales: number | null;
  median_price: number | null;
}

/** A city's housing market from 2000 to 2015: one row per city, with the years as an artifact. */
export const trendByCity = definePartitionFunction({
  name: 'trendByCity',
  async run(data, context) {
    const rows = await data.columns<{ sales: (number | null)[] }>();
    const gaps = rows.sales.filter((sales) => sales === null).length;
    console.log(`${data.rowCount} months, ${gaps} without sales`);
    context.expect(
      gaps <= data.rowCount * MAX_GAPS,
      `${gaps} of ${data.rowCount} months have no sales (${Math.round((gaps / data.rowCount) * 100)} %)`,
    );

    const years = await data.sql<Year>`
      SELECT year, round(avg(sales), 1) AS sales, round(avg(median)) AS median_price
      FROM data GROUP BY year ORDER BY year`;
    const priced = years.filter(({ median_price }) => median_price !== null);
    const [first, last] = [priced.at(0)!, priced.at(-1)!];
    const growth = (last.median_price! / first.median_price!) ** (1 / (last.year - first.year)) - 1;

    await context.upload('years.json', years);
    return {
      median_price: last.median_price,
      growth_percent: Math.round(growth * 1000) / 10,
      homes_per_month: years.at(-1)!.sales,
      prices: years.map(({ median_price }) => median_price),
      months_missing: gaps,
    };
  },
});
