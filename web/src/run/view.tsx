export function RunView({ id }: { id: string }) {
  return <h1>{id}</h1>;
}
