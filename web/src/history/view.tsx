export function HistoryView({ filter }: { filter: URLSearchParams }) {
  return <h1>{filter.toString()}</h1>;
}
