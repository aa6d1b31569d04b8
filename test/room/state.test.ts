import { describe, expect, test } from 'vitest'
import { broadcasts, House, says } from '../support/doubles.ts'

const state = { stateMessage: true }

/** What a late joiner of the room that `fill` filled gets. */
async function replayOf(fill: (say: (funcKey: string, params: unknown[], fields?: object) => void) => void) {
  const house = new House()
  const owner = await house.open()
  fill((funcKey, params, fields = state) => says(owner, funcKey, params, fields))
  await house.settle()
  const late = await house.join(owner.welcome.uuid)
  return late.connection.received.slice(1)
}

describe('what is stored', () => {
  test('[R1] the newest of a key replaces the older, and stands in its own place', async () => {
    const replay = await replayOf((say) => {
      say('slide', [1])
      say('theme', ['dark'])
      say('slide', [2])
    })
    expect(broadcasts(replay)).toEqual(['theme:dark', 'slide:2'])
  })

  test('[R1] a stateKey makes a key of its own', async () => {
    const replay = await replayOf((say) => {
      say('show', ['a', 1], { ...state, stateKey: 'a' })
      say('show', ['b', 1], { ...state, stateKey: 'b' })
      say('show', ['a', 2], { ...state, stateKey: 'a' })
      say('show', ['none'])
    })
    expect(broadcasts(replay)).toEqual(['show:b,1', 'show:a,2', 'show:none'])
    expect(replay[0]).toMatchObject({ stateKey: 'b' })
  })

  test('[R1] keys that look alike are not mixed up', async () => {
    const replay = await replayOf((say) => {
      say('a', [1], { ...state, stateKey: 'b' })
      say('a","b', [2])
      say('["a","b"]', [3])
      say('__proto__', [4])
      say('__proto__', [5])
    })
    expect(broadcasts(replay)).toEqual(['a:1', 'a","b:2', '["a","b"]:3', '__proto__:5'])
  })

  test('[R1] append keeps them all; latest and clear replace them all', async () => {
    const append = { ...state, retain: 'append' }
    const replay = await replayOf((say) => {
      say('ink', [1], append)
      say('ink', [2], append)
      say('text', [1], append)
      say('text', [2])
      say('gone', [1], append)
      say('gone', [2], append)
      say('gone', [], { ...state, retain: 'clear' })
      say('again', [1])
      say('again', [], { ...state, retain: 'clear' })
      say('again', [2], append)
    })
    expect(broadcasts(replay)).toEqual(['ink:1', 'ink:2', 'text:2', 'again:2'])
  })

  test('[R1] a clear is broadcast to who is there', async () => {
    const house = new House()
    const owner = await house.open()
    const listener = await house.join(owner.welcome.uuid)
    says(owner, 'ink', [1], { ...state, retain: 'append' })
    says(owner, 'ink', ['all'], { ...state, retain: 'clear' })
    await house.settle()
    expect(listener.connection.received.slice(1)).toMatchObject([
      { retain: 'append', funcParams: [1] },
      { retain: 'clear', funcParams: ['all'], seq: 2 },
    ])
  })

  test('[R2] replay is in the order of seq, as it was broadcast, marked', async () => {
    const params = ['text', 1.5, null, true, { deep: [{ er: 'ü€😀' }] }]
    const replay = await replayOf((say) => {
      say('b', params)
      say('plain', [], {})
      say('a', [])
    })
    expect(replay).toMatchObject([
      { funcKey: 'b', funcParams: params, seq: 1, replay: true, stateMessage: true },
      { funcKey: 'a', seq: 3, replay: true },
    ])
  })

  test('[R2] the replay is made once for all who come at the same place', async () => {
    const house = new House()
    const owner = await house.open()
    says(owner, 'slide', [1], state)
    await house.settle()
    const batches = new Set<unknown>()
    for (let n = 0; n < 3; n++) {
      const { session, connection } = house.connect()
      const { write } = connection
      connection.write = (batch) => {
        if (batch.texts[0]?.includes('"replay":true')) batches.add(batch)
        write.call(connection, batch)
      }
      session.receive(JSON.stringify({ ...base, uuid: owner.welcome.uuid }))
      await house.settle()
    }
    expect(batches.size).toBe(1)
  })
})

const base = { status: { value: 2, text: '' }, funcKey: '', funcParams: [], stateMessage: false }

describe('[R3] the cap', () => {
  test('on entries: one too many is refused and changes nothing; a replacement and a clear fit', async () => {
    const house = new House({ stateEntries: 2 })
    const owner = await house.open()
    const listener = await house.join(owner.welcome.uuid)
    says(owner, 'a', [1], state)
    says(owner, 'b', [1], state)
    says(owner, 'c', [1], { ...state, id: 'c' })
    says(owner, 'b', [2], state)
    says(owner, 'a', [], { ...state, retain: 'clear' })
    says(owner, 'c', [2], state)
    await house.settle()
    expect(owner.connection.received).toContainEqual(
      expect.objectContaining({
        event: expect.objectContaining({ type: 'error', code: 'state_full', limit: 2, id: 'c' }),
      }),
    )
    expect(broadcasts(listener.connection.received)).toEqual(['a:1', 'b:1', 'b:2', 'a:', 'c:2'])
    expect(listener.connection.received.map(({ seq }) => seq).slice(1)).toEqual([1, 2, 3, 4, 5])
    const late = await house.join(owner.welcome.uuid)
    expect(broadcasts(late.connection.received)).toEqual(['b:2', 'c:2'])
  })

  test('on bytes, counted in UTF-8', async () => {
    const house = new House({ stateBytes: 1000 })
    const owner = await house.open()
    says(owner, 'a', ['ü'.repeat(300)], { ...state, id: 'fits' })
    says(owner, 'b', ['u'.repeat(300)], { ...state, id: 'over' })
    says(owner, 'a', ['u'.repeat(300)], { ...state, id: 'smaller' })
    says(owner, 'b', ['u'.repeat(300)], { ...state, id: 'fits now' })
    await house.settle()
    const answers = owner.connection.received.slice(1).map(({ event }) => event)
    expect(answers).toMatchObject([
      { type: 'ack', id: 'fits' },
      { type: 'error', id: 'over', code: 'state_full', limit: 1000 },
      { type: 'ack', id: 'smaller' },
      { type: 'ack', id: 'fits now' },
    ])
  })
})

describe('[R4] replay and live', () => {
  test('join with no gap and no duplicate, however the broadcasts fall', async () => {
    const house = new House()
    const owner = await house.open()
    const late = []
    for (let n = 1; n <= 60; n++) {
      says(owner, 'n', [n], n % 3 === 0 ? { ...state, stateKey: `k${n % 5}` } : {})
      if (n % 4 === 0) late.push(await house.join(owner.welcome.uuid))
      if (n % 6 === 0) house.clock.turn()
    }
    await house.settle()
    for (const { welcome, connection } of late) {
      const live = connection.received.slice(1 + (welcome.replay as number))
      const from = welcome.position!.seq
      expect(live.map(({ seq }) => seq)).toEqual(Array.from({ length: 60 - from }, (_, i) => from + 1 + i))
      const replay = connection.received.slice(1, 1 + (welcome.replay as number))
      expect(replay.every((message) => message.replay === true && message.seq! <= from)).toBe(true)
    }
  })
})

describe('[R5] coming back', () => {
  test('exactly what was missed follows where the tail covers it', async () => {
    const house = new House()
    const owner = await house.open()
    const { uuid } = owner.welcome
    const first = await house.join(uuid)
    says(owner, 'a', [1], state)
    says(owner, 'b', [2])
    says(owner, 'c', [3])
    await house.settle()
    const back = await house.join(uuid, { since: { epoch: first.welcome.position!.epoch, seq: 1 } })
    expect(back.welcome).toMatchObject({ recovered: true, replay: 2, position: { seq: 3 } })
    expect(back.connection.received.slice(1)).toMatchObject([{ seq: 2 }, { seq: 3 }])
    expect(back.connection.received[1]).not.toHaveProperty('replay')
    says(owner, 'd', [4])
    await house.settle()
    expect(back.connection.received.at(-1)).toMatchObject({ seq: 4 })
  })

  test.each([
    ['the tail is past it', { seq: 0 }],
    ['the epoch is another', { epoch: 'other', seq: 5 }],
    ['it claims to have seen what never was', { seq: 99 }],
  ])('the whole state follows where %s', async (_, since) => {
    const house = new House({ tailEntries: 3 })
    const owner = await house.open()
    const { uuid, position } = owner.welcome
    for (let n = 1; n <= 10; n++) {
      says(owner, 'n', [n], state)
      await house.settle()
    }
    const back = await house.join(uuid, { since: { epoch: position!.epoch, ...since } })
    expect(back.welcome).toMatchObject({ recovered: false, replay: 1, position: { seq: 10 } })
    expect(broadcasts(back.connection.received)).toEqual(['n:10'])
  })

  test('events that are over are not told again', async () => {
    const house = new House()
    const owner = await house.open()
    const { uuid, ownerKey, position } = owner.welcome
    await house.join(uuid)
    says(owner, 'a', [1])
    owner.session.gone()
    await house.settle()
    await house.takeBack(uuid, ownerKey!)
    const back = await house.join(uuid, { since: { epoch: position!.epoch, seq: 0 } })
    expect(back.connection.received.slice(1)).toMatchObject([{ seq: 1, funcKey: 'a' }])
  })
})
