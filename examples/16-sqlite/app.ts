/** SQLite without a callback: every handler thread has a connection of its own, and waits for its query. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { threadId } from "node:worker_threads";

const file = process.env["NOTES_FILE"] ?? join(tmpdir(), "heddle-notes.db");

const db = new DatabaseSync(file);
// Readers beside a writer, and a writer that waits for its turn instead of failing.
db.exec("PRAGMA journal_mode = WAL; PRAGMA busy_timeout = 5000");
db.exec("CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL)");
const add = db.prepare("INSERT INTO notes (text) VALUES (?)");
const all = db.prepare("SELECT id, text FROM notes ORDER BY id");

export function onStop(): void {
  db.close();
}

export default function notes(req: IncomingMessage, res: ServerResponse): void {
  const { pathname, searchParams } = new URL(req.url ?? "/", "http://notes");
  if (req.method === "POST" && pathname === "/notes") {
    const { lastInsertRowid } = add.run(searchParams.get("text") ?? "");
    res.writeHead(201).end(`${lastInsertRowid}\n`);
    return;
  }
  res.setHeader("x-thread", threadId);
  res.end(`${JSON.stringify(all.all())}\n`);
}
