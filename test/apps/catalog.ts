/** All records of `catalog/`, in the order of their groups and names. */

import { readdir } from "node:fs/promises";
import { type AppRecord, groups } from "./record.ts";

export async function loadCatalog(): Promise<readonly AppRecord[]> {
  const folder = new URL("catalog/", import.meta.url);
  const files = (await readdir(folder)).filter((name) => name.endsWith(".ts"));
  const apps = await Promise.all(
    files.map(async (file) => ((await import(String(new URL(file, folder)))) as { default: AppRecord }).default),
  );
  const place = ({ group, name }: AppRecord): string => `${String(groups.indexOf(group)).padStart(2, "0")} ${name}`;
  return apps.toSorted((a, b) => place(a).localeCompare(place(b)));
}
