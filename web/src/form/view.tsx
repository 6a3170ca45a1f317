export function FormView({ app }: { app: string | null }) {
  return <h1>{app}</h1>;
}
