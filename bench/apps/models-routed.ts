/** models.ts, with its computing route moved off the loop. */
export { default } from "./models.ts";

export const routes: Readonly<Record<string, { readonly model: "threads"; readonly threads: number }>> = {
  "GET /cpu": { model: "threads", threads: 2 },
};
