import type { Reader, Replay } from './replay.ts'
import type { Writer, Writing } from './writer.ts'

/** Writes that a piece counts for among those of a slice: it is as large as many broadcasts. */
const WEIGHT = 8

/** Writes to the clients of a room what leads them to where it stands: a piece when the line has taken most of the one before. */
export class Replays implements Writing {
  readonly #writer: Writer
  /** Bytes of backlog past which nothing more is written. */
  readonly #mark: number
  /** A client stands where its replay led to. */
  readonly #onOver: (reader: Reader) => void
  readonly #pending = new Set<Reader>()

  constructor(writer: Writer, highWaterMark: number, onOver: (reader: Reader) => void) {
    this.#writer = writer
    this.#mark = highWaterMark / 2
    this.#onOver = onOver
  }

  /** Writes the first piece at once, if the line is free: mostly it is all. */
  begin(reader: Reader, replay: Replay): void {
    reader.replay = replay
    this.#pending.delete(reader)
    if (reader.lagging) return
    if (!replay.isOver && !this.#write(reader)) return reader.remember()
    if (replay.isOver) return this.#finish(reader, replay)
    reader.remember()
    this.resume(reader)
  }

  /** The line is free again. */
  resume(reader: Reader): void {
    this.#pending.add(reader)
    this.#writer.wake(this)
  }

  /** Nothing more is written of its replay. */
  drop(reader: Reader): void {
    reader.replay = undefined
    this.#pending.delete(reader)
  }

  write(budget: number): number {
    let writes = 0
    for (const reader of this.#pending) {
      if (writes >= budget) break
      this.#pending.delete(reader)
      const { replay } = reader
      if (replay === undefined) continue
      if (this.#write(reader)) {
        writes += WEIGHT
        if (replay.isOver) {
          this.#finish(reader, replay)
          continue
        }
        this.#pending.add(reader)
      }
      // A process that is put to sleep in the middle of it has to know how far it came.
      reader.remember()
    }
    return writes
  }

  /** False: its line is left to drain first. */
  #write(reader: Reader): boolean {
    const { connection, replay } = reader
    const isFree = connection.backlog <= this.#mark
    if (isFree) connection.write(replay!.next())
    else reader.lagging = true
    return isFree
  }

  #finish(reader: Reader, replay: Replay): void {
    reader.replay = undefined
    // An owner that became a listener in the middle of it does not hear what it said itself.
    reader.cursor = Math.max(reader.cursor, replay.cursor)
    reader.seq = Math.max(reader.seq, replay.seq)
    reader.remember()
    this.#onOver(reader)
  }
}
