// What the gateway answers, as docs/openapi.json describes it. What is not known yet is null.

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
export type JsonObject = { [name: string]: Json };

export interface App {
  app: string; // its name in the gateway's configuration
  is_default: boolean;
  max_runs: number;
  running: number;
  waiting: number;
  available: boolean;
  code: string | null;
  message: string | null;
  release: string | null;
  mode: string | null; // workflow, advanced-chat, chat, agent-chat, completion, agent
  name: string | null; // these as Dify has them
  description: string | null;
  title: string | null;
  icon_type: string | null;
  icon: string | null;
  icon_background: string | null;
}

/** Dify's own /parameters; each member of user_input_form has one key, the type of the input. */
export interface Parameters {
  opening_statement?: string | null;
  suggested_questions?: string[] | null;
  user_input_form?: { [type: string]: InputDescription }[];
  file_upload?: FileUpload;
  system_parameters?: { [name: string]: number };
}

export interface InputDescription {
  variable: string;
  label?: string | null;
  type?: string;
  required?: boolean;
  hide?: boolean;
  hint?: string | null;
  placeholder?: string | null;
  default?: Json;
  max_length?: number | null;
  options?: string[] | null;
  allowed_file_types?: string[] | null;
  allowed_file_extensions?: string[] | null;
  allowed_file_upload_methods?: string[] | null;
}

export interface FileUpload {
  enabled?: boolean;
  allowed_file_types?: string[] | null;
  allowed_file_extensions?: string[] | null;
  allowed_file_upload_methods?: string[] | null;
  number_limits?: number | null;
}

/** A run in the list. */
export interface Row {
  run_id: string;
  workflow_run_id: string | null;
  app: string;
  route: string | null;
  user: string | null;
  conversation_id: string | null;
  message_id: string | null;
  status: string | null;
  success: boolean | null; // null: it goes on
  code: string | null;
  http_status: number | null;
  created_at: number; // Unix seconds, as are all times
  finished_at: number | null;
  elapsed: number | null;
  total_tokens: number | null;
  total_price: number | null;
  currency: string | null;
  total_steps: number | null;
  event_count: number | null;
  rating: Rating;
  comment: string | null;
}

export type Rating = "like" | "dislike" | null;

export interface Rows {
  data: Row[];
  has_more: boolean;
  next_cursor: string | null;
}

/** A run's state or result; `success` null: it goes on. */
export interface Result {
  success: boolean | null;
  error?: string;
  code?: string;
  message?: string;
  data: ResultData;
  run_id: string | null;
}

export interface ResultData {
  workflow_run_id: string | null;
  task_id: string | null;
  status: string | null;
  outputs: JsonObject;
  metadata: {
    total_tokens: number;
    total_price: number;
    currency: string;
    elapsed_time: number;
    total_steps: number;
    workflow_elapsed_time: number | null;
    complete: boolean;
    incomplete_nodes?: string[];
  };
  created_at: number | null;
  finished_at: number | null;
  event_count: number;
  answer?: string;
  conversation_id?: string;
  message_id?: string;
  workflow_outputs: JsonObject | null;
  nodes: NodeResult[];
  containers: NodeResult[];
  resumed?: number;
  skipped_events: number;
  warnings?: { offset: number; reason: string }[];
  unknown_events: number;
  forms?: JsonObject[];
}

export interface NodeResult {
  id: string | null; // of this execution
  node_id: string | null;
  node_type: string | null;
  title: string | null;
  index: number | null;
  status: string | null;
  started_at: number | null;
  finished_at: number | null;
  elapsed_time: number | null;
  total_tokens: number | null;
  total_price: number | null;
  currency: string | null;
  error: string | null;
  retries: number;
  iteration_id: string | null;
  loop_id: string | null;
  steps?: number | null;
}

/** The form that a paused run waits for. */
export interface PausedForm {
  run_id: string;
  form_token: string;
  form: {
    form_content?: string;
    inputs?: { type?: string; output_variable_name: string; default?: Json }[];
    resolved_default_values?: JsonObject;
    user_actions?: { id: string; title?: string; button_style?: string }[];
    expiration_time?: number | null;
  };
}

/** Totals of a span of time, or of a part of it. */
export interface Totals {
  since: number | null;
  until: number | null;
  runs: number;
  open: number;
  succeeded: number;
  failed: number;
  total_tokens: number;
  median_seconds: number | null;
  p95_seconds: number | null;
  likes: number;
  dislikes: number;
}

export interface Stats extends Totals {
  app: string | null;
  total_price: { [currency: string]: number };
  live: number;
  queued: number;
  buckets?: Totals[];
}
