/** A metric in a table as the CLI prints it; the exact value is its title. */
export function MetricValue({ value }: { value: number | null }) {
  if (value === null) return <td class="number faint">–</td>;
  return (
    <td class="number" title={String(value)}>
      {metricText(value)}
    </td>
  );
}

export function metricText(value: number): string {
  return value.toLocaleString('en', { maximumSignificantDigits: 4 });
}
