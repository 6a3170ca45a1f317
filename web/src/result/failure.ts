// Where a run failed.

import type { NodeResult, ResultData } from "../lib/types";

export interface FailedNode {
  node: NodeResult; // the first of them
  times: number; // it failed so often with the same error
}

/** The nodes that failed; where none did those whose error was handled. A node that fails alike in
 * every round counts once. A container fails because of what is within: it is told only alone. */
export function failedNodes({ nodes, containers }: ResultData): FailedNode[] {
  const of = (status: string) => {
    const inner = nodes.filter((node) => node.status === status);
    return inner.length > 0 ? inner : containers.filter((node) => node.status === status);
  };
  const failed = of("failed");
  const found = new Map<string, FailedNode>();
  for (const node of failed.length > 0 ? failed : of("exception")) {
    const key = JSON.stringify([node.node_id, node.error]);
    const same = found.get(key);
    if (same) same.times++;
    else found.set(key, { node, times: 1 });
  }
  return [...found.values()];
}

export function nodeName(node: NodeResult): string {
  return node.title || node.node_id || node.node_type || "?";
}

/** Titles of the nodes of which something is missing; they are named by execution or node. */
export function incompleteNodes({ nodes, containers, metadata }: ResultData): string[] {
  const all = [...nodes, ...containers].reverse(); // the first of a name counts
  const byId = new Map(all.map((node) => [node.id, node]));
  const byNode = new Map(all.map((node) => [node.node_id, node]));
  const titles = (metadata.incomplete_nodes ?? []).map((id) => {
    const node = byId.get(id) ?? byNode.get(id);
    return node ? nodeName(node) : id;
  });
  return [...new Set(titles)];
}
