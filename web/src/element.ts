// Elements without markup: text from events becomes text nodes and nothing else, and styles go through classes and CSSOM,
// so that `default-src 'self'` holds without exceptions.

export type Child = Node | string | number | null | undefined | false;

type Attributes = Record<string, string | number | boolean | undefined | ((event: never) => void)>;

/**
 * An element with attributes and children. `onclick` and the like are listeners; `true` is an attribute without a value,
 * `false` and `undefined` are left out.
 */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  apply(made, attributes);
  made.append(...kept(children));
  return made;
}

const SVG = "http://www.w3.org/2000/svg";

/** The same for a drawing; shapes carry meaning here, never decoration alone. */
export function drawing<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): SVGElementTagNameMap[K] {
  const made = document.createElementNS(SVG, tag);
  apply(made, attributes);
  made.append(...kept(children));
  return made;
}

/** Replaces what is inside. */
export function fill(parent: Element, ...children: Child[]): void {
  parent.replaceChildren(...kept(children));
}

/** Sets text only where it differs: an unchanged node costs no layout. */
export function say(node: Element, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

function kept(children: Child[]): (Node | string)[] {
  const out: (Node | string)[] = [];
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    out.push(typeof child === "number" ? String(child) : child);
  }
  return out;
}

function apply(made: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (typeof value === "function") made.addEventListener(name.slice(2), value as EventListener);
    else made.setAttribute(name, value === true ? "" : String(value));
  }
}
