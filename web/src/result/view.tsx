import type { Result, Row } from "../lib/types";
import { JsonView } from "./json";

export function ResultView({ result }: { runId: string; result: Result; row: Row | null; onShowNode?: (id: string) => void }) {
  return <JsonView value={result.data.workflow_outputs} name="outputs" />;
}
