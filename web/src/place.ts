// Where one is: everything that decides what is shown stands in the URL, so that back undoes and a link shows the same.

export const VIEWS = ["overview", "live", "heatmap", "breakdown", "trace"] as const;
export type ViewName = (typeof VIEWS)[number];

/** A box on the heatmap: times in seconds, numbers of its field. */
export interface Box {
  from: number;
  to: number;
  low: number;
  high: number;
}

export interface Place {
  readonly view: ViewName;
  /** A glob; empty: all types. */
  readonly type: string;
  readonly filter: string;
  /** As the API takes them: `-15m`, or a time. `until` is empty for "now". */
  readonly since: string;
  readonly until: string;
  readonly box: Box | null;
  /** Whose numbers the heatmap shows; empty: durations. */
  readonly field: string;
  readonly by: readonly string[];
  /** A column, with `-` before it: the greatest first. */
  readonly sort: string;
  readonly id: string;
}

export const DEFAULT_SINCE = "-15m";

const START: Place = {
  view: "overview",
  type: "",
  filter: "",
  since: DEFAULT_SINCE,
  until: "",
  box: null,
  field: "",
  by: [],
  sort: "",
  id: "",
};

export function read(search: string): Place {
  const query = new URLSearchParams(search);
  const view = VIEWS.find((name) => name === query.get("view")) ?? START.view;
  return {
    view,
    type: query.get("type") ?? "",
    filter: query.get("filter") ?? "",
    since: query.get("since") ?? START.since,
    until: query.get("until") ?? "",
    box: readBox(query.get("box")),
    field: query.get("field") ?? "",
    by: query.getAll("by").filter((name) => name !== "").slice(0, 2),
    sort: query.get("sort") ?? "",
    id: query.get("id") ?? "",
  };
}

export function write(place: Place): string {
  const query = new URLSearchParams();
  const put = (name: string, value: string, unless: string): void => {
    if (value !== unless) query.append(name, value);
  };
  put("view", place.view, START.view);
  put("type", place.type, "");
  put("filter", place.filter, "");
  put("since", place.since, START.since);
  put("until", place.until, "");
  if (place.box !== null) {
    const { from, to, low, high } = place.box;
    query.append("box", [from, to, low, high].join("~"));
  }
  put("field", place.field, "");
  for (const name of place.by) query.append("by", name);
  put("sort", place.sort, "");
  put("id", place.id, "");
  const text = query.toString();
  return text === "" ? "./" : `./?${text}`;
}

function readBox(text: string | null): Box | null {
  const [from, to, low, high] = (text ?? "").split("~").map(Number);
  if (from === undefined || to === undefined || low === undefined || high === undefined) return null;
  return from < to && low < high ? { from, to, low, high } : null;
}

/** Whether what is shown moves with the clock. */
export function moves(place: Place): boolean {
  return place.until === "" && place.since.startsWith("-");
}

/** One more condition. What is there stays first; a choice is put in parentheses before it is narrowed. */
export function narrowed(filter: string, condition: string): string {
  const there = filter.trim();
  if (there === "") return condition;
  if (there === condition || there.endsWith(` and ${condition}`) || there.startsWith(`${condition} and `)) return there;
  return `${offersChoice(there) ? `(${there})` : there} and ${condition}`;
}

/** Whether an `or` stands outside of parentheses and quotes. */
function offersChoice(filter: string): boolean {
  let depth = 0;
  for (const [token] of filter.matchAll(/"(?:\\.|[^"])*"|'(?:\\.|[^'])*'|`[^`]*`|[()]|\|\||\bor\b/gi)) {
    if (token === "(") depth += 1;
    else if (token === ")") depth -= 1;
    else if (depth === 0 && (token === "||" || token.toLowerCase() === "or")) return true;
  }
  return false;
}
