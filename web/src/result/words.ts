import { words } from "../lib/words";

export const t = words(
  {
    picture: "picture",
    thoughts: "Thoughts",
    thinking: "Thinking…",
  },
  {
    picture: "图片",
    thoughts: "思考过程",
    thinking: "思考中…",
  },
);
