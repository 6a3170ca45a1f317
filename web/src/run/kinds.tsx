// The kinds of nodes: a word, a sign and a family's colour for each of Dify's types.

import { words } from "../lib/words";

export type Family = "model" | "code" | "http" | "tool" | "retrieval" | "logic" | "human" | "edge";

// Strokes as those of ui/icons.
const signs = {
  start: "M5 3.5v9l7-4.5z",
  end: "M4 14.5V2.5h8.5l-2 3 2 3H4",
  answer: "M2.5 3h11v8h-6L4.5 13.5V11h-2z",
  model: "M8 1.8 9.6 6.4 14.2 8 9.6 9.6 8 14.2 6.4 9.6 1.8 8 6.4 6.4z",
  agent: "M3 6h10v7.5H3zM8 6V3M6.2 9.5h.1M9.8 9.5h.1M8 2.6v.1",
  code: "M5.5 4.5 2 8l3.5 3.5M10.5 4.5 14 8l-3.5 3.5",
  text: "M3 4V3h10v1M8 3v10M6 13h4",
  data: "M8 6c3 0 5.2-.9 5.2-2S11 2 8 2 2.8 2.9 2.8 4 5 6 8 6zM2.8 4v8c0 1.1 2.2 2 5.2 2s5.2-.9 5.2-2V4M2.8 8c0 1.1 2.2 2 5.2 2s5.2-.9 5.2-2",
  http: "M8 14.2A6.2 6.2 0 1 0 8 1.8a6.2 6.2 0 0 0 0 12.4zM1.8 8h12.4M8 1.8c-3.6 3.6-3.6 8.8 0 12.4 3.6-3.6 3.6-8.8 0-12.4z",
  tool: "M10.2 2.2a3.6 3.6 0 0 0-3.5 4.9l-4.4 4.3 2.3 2.3L8.9 9.3A3.6 3.6 0 0 0 13.8 5.8L11.4 7 9 4.6z",
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.7 10.7 14 14",
  branch: "M4.5 2v12M4.5 11c0-4 7-2 7-6V3M9.5 5l2-2.2 2 2.2",
  loop: "M4 9.5V7a3 3 0 0 1 3-3h5M10 2l2 2-2 2M12 6.5V9a3 3 0 0 1-3 3H4M6 10l-2 2 2 2",
  human: "M8 7.5a2.7 2.7 0 1 0 0-5.4 2.7 2.7 0 0 0 0 5.4zM2.8 14c.4-3 2.5-4.5 5.2-4.5s4.8 1.5 5.2 4.5",
  other: "M3 3h10v10H3z",
} satisfies { [name: string]: string };

const t = words(
  {
    start: "Start", end: "End", answer: "Answer", llm: "Model", agent: "Agent", code: "Code",
    template: "Template", extractor: "Document extractor", list: "List operator",
    aggregator: "Variable aggregator", assigner: "Variable assigner", http: "HTTP request",
    tool: "Tool", retrieval: "Knowledge retrieval", datasource: "Data source", ifElse: "If / else",
    classifier: "Question classifier", parameters: "Parameter extractor", iteration: "Iteration",
    loop: "Loop", human: "Human input", trigger: "Trigger",
    model: "Model", logic: "Logic", data: "Code and data", edge: "Start and end", outside: "Tool",
  },
  {
    start: "开始", end: "结束", answer: "直接回复", llm: "大模型", agent: "智能体", code: "代码",
    template: "模板转换", extractor: "文档提取", list: "列表操作",
    aggregator: "变量聚合", assigner: "变量赋值", http: "HTTP 请求",
    tool: "工具", retrieval: "知识检索", datasource: "数据源", ifElse: "条件分支",
    classifier: "问题分类", parameters: "参数提取", iteration: "迭代",
    loop: "循环", human: "人工介入", trigger: "触发器",
    model: "模型", logic: "逻辑", data: "代码与数据", edge: "开始与结束", outside: "工具",
  },
);

type Word = keyof typeof t;
const kinds: { [type: string]: [Family, keyof typeof signs, Word] } = {
  start: ["edge", "start", "start"],
  end: ["edge", "end", "end"],
  answer: ["edge", "answer", "answer"],
  "trigger-webhook": ["edge", "start", "trigger"],
  "trigger-schedule": ["edge", "start", "trigger"],
  "trigger-plugin": ["edge", "start", "trigger"],
  llm: ["model", "model", "llm"],
  agent: ["model", "agent", "agent"],
  "question-classifier": ["model", "branch", "classifier"],
  "parameter-extractor": ["model", "text", "parameters"],
  code: ["code", "code", "code"],
  "template-transform": ["code", "text", "template"],
  "document-extractor": ["code", "text", "extractor"],
  "list-operator": ["code", "data", "list"],
  "variable-aggregator": ["code", "data", "aggregator"],
  "variable-assigner": ["code", "data", "aggregator"],
  assigner: ["code", "data", "assigner"],
  "http-request": ["http", "http", "http"],
  tool: ["tool", "tool", "tool"],
  "knowledge-retrieval": ["retrieval", "search", "retrieval"],
  datasource: ["retrieval", "data", "datasource"],
  "if-else": ["logic", "branch", "ifElse"],
  iteration: ["logic", "loop", "iteration"],
  loop: ["logic", "loop", "loop"],
  "human-input": ["human", "human", "human"],
};

const families: { [family in Family]: Word } = {
  model: "model", code: "data", http: "http", tool: "outside", retrieval: "retrieval",
  logic: "logic", human: "human", edge: "edge",
};

export const FAMILIES = Object.keys(families) as Family[];

export function familyOf(type: string): Family {
  return Object.hasOwn(kinds, type) ? kinds[type]![0] : "edge";
}

export function familyText(family: Family): string {
  return t[families[family]];
}

/** The kind in a word; of a type that is not known that type. */
export function kindText(type: string): string {
  return Object.hasOwn(kinds, type) ? t[kinds[type]![2]] : type;
}

export function KindIcon({ type }: { type: string }) {
  const [family, sign] = Object.hasOwn(kinds, type) ? kinds[type]! : ["edge", "other"] as const;
  return (
    <svg class={`kind k-${family}`} width="16" height="16" viewBox="0 0 16 16" fill="none" stroke="currentColor"
      stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
      <path d={signs[sign]} />
    </svg>
  );
}
