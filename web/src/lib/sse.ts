// Server-sent events as they come, to the letter of the HTML standard. Pure.

export interface SseEvent {
  event: string; // `message` where none was told
  data: string;
  id: string | null; // told with this event
  isTooLarge: boolean; // `data` is empty then
}
