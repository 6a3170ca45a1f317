// HTML of Markdown, as far as it may be shown. What a model wrote is nobody's word: it becomes text,
// structure and links, and nothing that runs, loads, asks, styles, or is found by a name.
//
// It is taken apart in a document of its own, in which nothing is loaded, and leaves that only when
// it is clean.

import createDOMPurify, { type Config } from "dompurify";
import { ATTRIBUTES, TAGS } from "./html";
import { linkAddress } from "./address";

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

/** Wide things scroll by themselves, by keyboard too. */
function dressWide(fragment: DocumentFragment): void {
  for (const table of fragment.querySelectorAll("table")) {
    const box = table.ownerDocument.createElement("div");
    box.className = "wide";
    box.tabIndex = 0;
    table.replaceWith(box);
    box.append(table);
  }
  for (const code of fragment.querySelectorAll("pre")) code.tabIndex = 0;
}

/** The clean content, still in a document of its own: adopt it by inserting it. `name`: of a picture
 * that has none. */
export function sanitize(html: string, name: string): DocumentFragment {
  purify ??= createDOMPurify(window);
  const fragment = purify.sanitize(html, CONFIG) as unknown as DocumentFragment;
  for (const picture of fragment.querySelectorAll("img")) dressPicture(picture, name);
  for (const link of fragment.querySelectorAll("a")) dressLink(link, linkAddress(link.getAttribute("href")));
  dressWide(fragment);
  return fragment;
}

let purify: ReturnType<typeof createDOMPurify> | null = null;
