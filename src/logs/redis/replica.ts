import type { EndReason } from '../../protocol/codes.ts'
import type { Follower } from '../../room/ports.ts'
import {
  entryOf,
  type Figures,
  type Head,
  type KeptPresence,
  type News,
  newsOf,
  type Reading,
  seqOf,
  snapshotOf,
} from './records.ts'

/** What a replica asks of the log. Each rejects when that is out of reach. */
export interface Source {
  /** What the log has after `seq` of `epoch`; undefined: there is no such room. */
  read(epoch: string, seq: number): Promise<Reading | undefined>
  /**
   * The log has lost some of what was seen of it in `epoch`: gives it another. Nobody who was displaced becomes the owner
   * again by that: the log takes over what it does not know yet of `presence`, the one of `version`.
   */
  renew(epoch: string, presence: KeptPresence, version: number): Promise<void>
  /** Told what is read or published of the owner, also where the follower knows it already. */
  heard?(presence: KeptPresence): void
}

/** News held back while the log is read, and characters of it; what comes beyond is read. */
const HELD = { news: 10_000, characters: 4 * 1024 * 1024 }

/**
 * A room of this node, kept level with the log: told by news, which may be missed, and by reading, which is asked for when
 * something is. Its follower sees each broadcast once and in order.
 */
export class Replica {
  readonly #source: Source
  readonly #onEnd: (reason: EndReason) => void
  #follower: Follower | undefined
  #epoch = ''
  #seq = 0
  #presence: KeptPresence = { here: false, term: 0, handedAt: 0 }
  #presenceVersion = -1
  /** The record at `#seq`, where it is known. */
  #last: string | undefined
  /** Not undefined while the log is read. */
  #held: News[] | undefined = []
  /** Settles when that is over. */
  #checking: Promise<void> | undefined
  #heldCharacters = 0
  #hasEnded = false
  #isStale = false
  /** The last look at the log did not find the room. */
  #isMissing = false
  /** Something has come since it was last asked. */
  #isLively = false
  /** What it was asked to read for is newer than what it is reading. */
  #isReadAgain = false
  /** The seq that last showed that something is missing: where the log knows of nothing, it was not the log's. */
  #suspect = 0

  constructor(source: Source, onEnd: (reason: EndReason) => void) {
    this.#source = source
    this.#onEnd = onEnd
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  get isStale(): boolean {
    return this.#isStale
  }

  isFollowedBy(follower: Follower): boolean {
    return this.#follower === follower
  }

  /** Begins with what was read; what was heard since it was made follows. */
  start<F extends Follower>(reading: Reading, begin: (snapshot: ReturnType<typeof snapshotOf>) => F): F {
    const follower = begin(snapshotOf(reading))
    this.#follower = follower
    this.#stand(reading)
    this.#release()
    return follower
  }

  /** Nobody follows any more. */
  stop(): void {
    this.#hasEnded = true
    this.#held = undefined
    this.#follower = undefined
  }

  /** A message of the room's channel. */
  readonly receive = (message: string): void => {
    this.#isLively = true
    this.#doubt(() => this.hear(newsOf(message)))
  }

  hear(news: News): void {
    if (this.#hasEnded) return
    // The log seems to be back. Whether it is the same that it was, it has to say itself.
    if (this.#isStale && this.#held === undefined) void this.check()
    if (this.#held === undefined || this.#isNext(news)) this.#take(news)
    else this.#hold(news)
  }

  /** Takes what may be of somebody else who has written on the room's channel: what there is, the log knows. */
  #doubt(take: () => void): void {
    try {
      take()
    } catch {
      void this.check()
    }
  }

  #hold(news: News): void {
    const size = news.kind === 'entry' ? news.record.length : 0
    if (this.#held!.length >= HELD.news || this.#heldCharacters + size > HELD.characters) this.#isReadAgain = true
    else {
      this.#held!.push(news)
      this.#heldCharacters += size
    }
  }

  /** Whether nothing has come since this was last asked: then a look at the log is due. */
  wasQuiet(): boolean {
    const wasQuiet = !this.#isLively
    this.#isLively = false
    return wasQuiet
  }

  isLevelWith({ epoch, seq, presenceVersion }: Head): boolean {
    return epoch === this.#epoch && seq === this.#seq && presenceVersion === this.#presenceVersion
  }

  /** Whether its follower has been told all that the log had when it said this. */
  hasReached({ epoch, seq, presenceVersion }: Head): boolean {
    return epoch === this.#epoch && seq <= this.#seq && presenceVersion <= this.#presenceVersion
  }

  /** Reads what was missed. Never rejects: what cannot be read makes the replica stale, until a later check. */
  async check(): Promise<void> {
    if (this.#hasEnded) return
    if (this.#held === undefined) this.#checking = this.#checkNow()
    else this.#isReadAgain = true
    return this.#checking
  }

  async #checkNow(): Promise<void> {
    this.#held = []
    try {
      do {
        this.#isReadAgain = false
        await this.#read()
      } while (this.#isReadAgain && !this.#hasEnded)
      this.#setStale(false)
    } catch {
      this.#setStale(true)
      // All else is read when the log is in reach again; of a room that has ended it would not know why.
      this.#held = this.#held?.filter(({ kind }) => kind === 'ended')
    }
    this.#release()
  }

  end(reason: EndReason): void {
    if (this.#hasEnded) return
    const follower = this.#follower
    this.stop()
    follower?.ended(reason)
    this.#onEnd(reason)
  }

  async #read(): Promise<void> {
    const [epoch, seq, presence, version] = [this.#epoch, this.#seq, this.#presence, this.#presenceVersion]
    const reading = await this.#source.read(epoch, seq)
    if (this.#hasEnded) return
    if (reading === undefined) return this.#vanish()
    this.#isMissing = false
    const { figures, tail, state } = reading
    const isSame = figures.epoch === epoch
    if (figures.presenceVersion < version || (isSame && (figures.seq < seq || !this.#meets(tail)))) {
      await this.#source.renew(figures.epoch, presence, version)
      this.#isReadAgain = true
    } else if (isSame && (state === undefined || figures.seq <= this.#seq)) {
      // Of what came meanwhile some may be in it, or all.
      for (const record of tail) this.#publish(record)
      this.#tellPresence(figures)
    } else this.#restart(reading)
  }

  /** Whether `news` can be told although the log is being read: nothing that is missing comes before it. */
  #isNext(news: News): boolean {
    if (this.#follower === undefined || this.#isStale || this.#held!.length > 0) return false
    return news.kind !== 'entry' || seqOf(news.record) <= this.#seq + 1
  }

  /** Word of why it ended may come a little later than that it is gone: only at the second look it is lost. */
  #vanish(): void {
    if (this.#isMissing) return this.end('room_lost')
    this.#isMissing = true
    throw new Error('there is no such room any more')
  }

  /** Whether a tail has what this has at its place; true where one of them does not say. */
  #meets(tail: readonly string[]): boolean {
    const [first] = tail
    if (first === undefined || this.#last === undefined) return true
    const counterpart = tail[this.#seq - seqOf(first)]
    return counterpart === undefined || counterpart === this.#last
  }

  #restart(reading: Reading): void {
    this.#stand(reading)
    this.#follower?.restarted(snapshotOf(reading))
  }

  #stand({ figures, tail }: Reading): void {
    this.#epoch = figures.epoch
    this.#seq = figures.seq
    this.#last = tail.at(-1)
    this.#presence = figures.presence
    this.#presenceVersion = figures.presenceVersion
    this.#suspect = 0
    this.#source.heard?.(figures.presence)
  }

  #release(): void {
    const held = this.#held ?? []
    this.#held = undefined
    this.#heldCharacters = 0
    for (const [i, news] of held.entries()) {
      if (this.#hasEnded) return
      // One of them has shown that something is missing: the rest waits for that.
      if (this.#held !== undefined) {
        ;(this.#held as News[]).push(...held.slice(i))
        return
      }
      this.#doubt(() => this.#take(news))
    }
    if (this.#isReadAgain) void this.check()
  }

  #take(news: News): void {
    switch (news.kind) {
      case 'entry':
        if (this.#fits(news.record)) return this.#publish(news.record)
        return this.#miss(news)
      case 'presence':
        return this.#tellPresence({ presence: news, presenceVersion: news.version })
      case 'epoch':
        if (news.epoch !== this.#epoch) void this.check()
        return
      case 'ended':
        return this.end(news.reason)
    }
  }

  /** False: some before it are missing, or the log has lost the one that was at its place. */
  #fits(record: string): boolean {
    const seq = seqOf(record)
    if (seq === this.#seq) return record === (this.#last ?? record)
    return seq <= this.#seq + 1
  }

  #miss(news: Extract<News, { kind: 'entry' }>): void {
    if (seqOf(news.record) === this.#suspect) return
    this.#suspect = seqOf(news.record)
    void this.check()
    this.#held?.push(news)
  }

  #publish(record: string): void {
    if (seqOf(record) !== this.#seq + 1) return
    const entry = entryOf(record)
    this.#seq++
    this.#last = record
    this.#follower?.published(entry)
  }

  #tellPresence({ presence, presenceVersion }: Pick<Figures, 'presence' | 'presenceVersion'>): void {
    this.#source.heard?.(presence)
    if (presenceVersion <= this.#presenceVersion) return
    const { here, term, node, handedAt } = presence
    // Afterwards it only is how this owner, or one before it, once came.
    const handedOver = handedAt > this.#presence.term
    this.#presence = presence
    this.#presenceVersion = presenceVersion
    this.#follower?.presence({ here, term, node, handedOver })
  }

  #setStale(isStale: boolean): void {
    if (this.#hasEnded || isStale === this.#isStale) return
    this.#isStale = isStale
    this.#follower?.stale(isStale)
  }
}
