// Loaded with `--import` before a server, it measures for how long the server's event loop was held, with no change of
// the server: a timer of 1 ms inside libuv, and the time from one firing to the next. So a figure contains the timer's
// own millisecond, whatever ran between two firings (one turn of the loop, a garbage collection), and also the time in
// which the machine gave the core to somebody else: read it against a peer's figure of the same round.
//
// On SIGUSR2 it appends a line of JSON about the time since the last signal to the file named by EVENT_LOOP_FILE.
import { appendFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'

const file = process.env.EVENT_LOOP_FILE
const delay = monitorEventLoopDelay({ resolution: 1 })

function milliseconds(nanoseconds: number): number {
  return Math.round(nanoseconds / 1e4) / 100
}

function report(): void {
  if (!file) return
  appendFileSync(
    file,
    `${JSON.stringify({ maxMs: milliseconds(delay.max), p99Ms: milliseconds(delay.percentile(99)) })}\n`,
  )
  delay.reset()
}

delay.enable()
process.on('SIGUSR2', report)
