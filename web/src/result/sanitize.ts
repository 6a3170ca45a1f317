// HTML of Markdown, as far as it may be shown. What a model wrote is nobody's word: it becomes text,
// structure and links, and nothing that runs, loads, asks, styles, or is found by a name.
//
// It is taken apart in a document of its own, in which nothing is loaded, and leaves that only when
// it is clean.

import createDOMPurify, { type Config } from "dompurify";
import { linkAddress } from "./address";
import { ATTRIBUTES, TAGS } from "./html";

/** What the page itself says there. */
export interface Names {
  picture: string; // of one that has no name
  copyCode: string;
}

const CONFIG = {
  ALLOWED_TAGS: [...TAGS, "#text"],
  ALLOWED_ATTR: ATTRIBUTES,
  ADD_URI_SAFE_ATTR: ATTRIBUTES.filter((name) => name !== "href" && name !== "src"),
  ALLOWED_NAMESPACES: ["http://www.w3.org/1999/xhtml"],
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  // Whatever is an address is looked at again below, as the browser will read it.
  ALLOWED_URI_REGEXP: /^(?:https?|mailto|blob|data):/i,
  RETURN_DOM_FRAGMENT: true,
} satisfies Config;

const PICTURE = /^(?:blob:|data:image\/(?:png|jpeg|gif|webp)[;,])/i;

function dressLink(link: Element, address: string | null): void {
  if (address === null) {
    link.removeAttribute("href");
    return;
  }
  link.setAttribute("href", address);
  link.setAttribute("target", "_blank");
  link.setAttribute("rel", "noopener noreferrer nofollow");
}

/** A picture from elsewhere would tell its server who reads: it becomes a link to it. */
function dressPicture(picture: Element, name: string): void {
  const source = picture.getAttribute("src") ?? "";
  if (PICTURE.test(source)) return;
  const link = picture.ownerDocument.createElement("a");
  link.textContent = picture.getAttribute("alt")?.trim() || name;
  dressLink(link, linkAddress(source));
  // A link in a link is none: the outer one leads on.
  picture.replaceWith(picture.closest("a") ? link.textContent : link);
}

function box(element: Element, className: string): HTMLElement {
  const around = element.ownerDocument.createElement("div");
  around.className = className;
  element.replaceWith(around);
  around.append(element);
  return around;
}

/** Wide things scroll by themselves, by keyboard too; code can be copied. */
function dressWide(fragment: DocumentFragment, copyCode: string): void {
  for (const table of fragment.querySelectorAll("table")) box(table, "wide-box").tabIndex = 0;
  for (const code of fragment.querySelectorAll("pre")) {
    const button = code.ownerDocument.createElement("button");
    button.type = "button";
    button.className = "small";
    button.textContent = copyCode;
    code.tabIndex = 0;
    box(code, "code-box").prepend(button);
  }
}

/** The clean content, still in a document of its own: adopt it by inserting it. */
export function sanitize(html: string, names: Names): DocumentFragment {
  purify ??= createDOMPurify(window);
  const fragment = purify.sanitize(html, CONFIG) as unknown as DocumentFragment;
  for (const picture of fragment.querySelectorAll("img")) dressPicture(picture, names.picture);
  for (const link of fragment.querySelectorAll("a")) dressLink(link, linkAddress(link.getAttribute("href")));
  dressWide(fragment, names.copyCode);
  return fragment;
}

let purify: ReturnType<typeof createDOMPurify> | null = null;
