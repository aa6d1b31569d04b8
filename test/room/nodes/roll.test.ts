import { describe, expect, test } from 'vitest'
import type { QuestionOf } from '../../../src/room/questions.ts'
import { Cluster } from '../../support/cluster.ts'
import type { House, Member } from '../../support/doubles.ts'
import { message } from '../../support/messages.ts'
import { idOf, settled } from '../../support/room-on-three.ts'

/** What the owner has been told since it was last asked. */
function counts({ connection }: Member) {
  return connection.fresh().flatMap(({ event }) => (event?.type === 'listeners' ? event : []))
}

function reports({ asked }: Cluster): (QuestionOf<'report'> & { from: string; to: string })[] {
  return asked.splice(0).flatMap(({ question, ...way }) => (question.kind === 'report' ? { ...way, ...question } : []))
}

async function joinMany(house: House, uuid: string, count: number): Promise<Member[]> {
  return Promise.all(Array.from({ length: count }, () => house.join(uuid)))
}

async function pass(cluster: Cluster, house: House, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 100) {
    cluster.clock.advance(Math.min(left, 100))
    await house.settle()
  }
}

async function ownerOnA() {
  const cluster = new Cluster()
  const [a, b, c] = [cluster.start('a'), cluster.start('b'), cluster.start('c')]
  const owner = await a.open()
  const { uuid, ownerKey } = owner.welcome
  return { cluster, a, b, c, owner, uuid, ownerKey: ownerKey! }
}

describe('who comes and goes on other nodes', () => {
  test('the owner is told of all of them, many in one event', async () => {
    const { cluster, a, b, c, owner, uuid } = await ownerOnA()
    const here = await joinMany(a, uuid, 2)
    const there = [...(await joinMany(b, uuid, 3)), ...(await joinMany(c, uuid, 4))]
    await settled(cluster, a)
    const told = counts(owner)
    expect(told.at(-1)).toMatchObject({ count: 9 })
    expect(told.flatMap(({ joined }) => joined).sort()).toEqual([...here, ...there].map(idOf).sort())
    expect(reports(cluster).map(({ from, to, count }) => [from, to, count])).toEqual([
      ['b', 'a', 3],
      ['c', 'a', 4],
    ])
    there[0]!.session.gone()
    here[0]!.session.gone()
    await settled(cluster, a)
    const after = counts(owner)
    expect(after.at(-1)).toMatchObject({ count: 7 })
    expect(after.flatMap(({ left }) => left).sort()).toEqual([idOf(here[0]!), idOf(there[0]!)].sort())
  })

  test('a report names at most 100, as does the event', async () => {
    const { cluster, a, b, c, owner, uuid } = await ownerOnA()
    await joinMany(b, uuid, 150)
    await joinMany(c, uuid, 150)
    await settled(cluster, a)
    expect(reports(cluster)).toMatchObject([
      { count: 150, joined: { length: 100 } },
      { count: 150, joined: { length: 100 } },
    ])
    expect(counts(owner)).toMatchObject([{ count: 300, joined: { length: 100 } }])
  })

  test('at most ten reports a second, and one at a time', async () => {
    const { cluster, a, b, uuid } = await ownerOnA()
    for (let n = 0; n < 50; n++) {
      await b.join(uuid)
      await pass(cluster, a, 20)
    }
    expect(reports(cluster).length).toBeLessThanOrEqual(10)
    cluster.hold()
    for (let n = 0; n < 50; n++) {
      await b.join(uuid)
      await pass(cluster, a, 20)
    }
    expect(reports(cluster)).toHaveLength(1)
    cluster.release()
    await settled(cluster, a)
    expect(reports(cluster)).toMatchObject([{ count: 100 }])
  })

  test('a count is repeated every five seconds, and the owner is not told of what it knows', async () => {
    const { cluster, a, b, owner, uuid } = await ownerOnA()
    await joinMany(b, uuid, 2)
    await settled(cluster, a)
    counts(owner)
    reports(cluster)
    await pass(cluster, a, 60_000)
    const repeats = reports(cluster)
    expect(repeats).toHaveLength(12)
    expect(repeats[11]).toMatchObject({ count: 2, joined: [], left: [] })
    expect(counts(owner)).toEqual([])
  })

  test('a node whose process died is forgotten after fifteen seconds', async () => {
    const { cluster, a, b, c, owner, uuid } = await ownerOnA()
    await joinMany(b, uuid, 2)
    await joinMany(c, uuid, 3)
    await settled(cluster, a)
    await pass(cluster, a, 60_000)
    counts(owner)
    await cluster.lose('b')
    await pass(cluster, a, 14_000)
    expect(counts(owner)).toEqual([])
    await pass(cluster, a, 2000)
    expect(counts(owner)).toMatchObject([{ count: 3, joined: [], left: [] }])
  })

  test('a node that does not answer is forgotten at once, until it reports again', async () => {
    const { cluster, a, b, owner, uuid } = await ownerOnA()
    const [one] = await joinMany(b, uuid, 2)
    await settled(cluster, a)
    counts(owner)
    cluster.silence('b')
    owner.session.receive(JSON.stringify(message(3, { uuid, funcKey: 'psst', to: [idOf(one!)] })))
    await settled(cluster, a)
    expect(counts(owner)).toMatchObject([{ count: 0 }])
    await pass(cluster, a, 5000)
    expect(counts(owner)).toMatchObject([{ count: 2 }])
  })

  test('a node that nobody is on any more says so at once, and has nothing left to do', async () => {
    const { cluster, a, b, c, owner, uuid } = await ownerOnA()
    const [one, two] = await joinMany(b, uuid, 2)
    await settled(cluster, a)
    counts(owner)
    reports(cluster)
    one!.session.gone()
    two!.session.gone()
    expect(reports(cluster)).toMatchObject([{ from: 'b', count: 0, left: [idOf(one!), idOf(two!)] }])
    await settled(cluster, a)
    expect(b.manager.size).toBe(0)
    expect(counts(owner)).toMatchObject([{ count: 0, left: { length: 2 } }])
    await pass(cluster, a, 20_000)
    expect(cluster.clock.pending).toBe(0)
    // Nor has it anything to say of one who came and went before it was told of.
    const passer = await c.join(uuid)
    passer.session.gone()
    await settled(cluster, a)
    expect(reports(cluster)).toEqual([])
    expect(cluster.clock.pending).toBe(0)
  })

  test('an owner that does not answer is told again, with pauses that grow, of all that it has not heard', async () => {
    const { cluster, a, b, owner, uuid } = await ownerOnA()
    cluster.silence('a')
    const [one, two] = await joinMany(b, uuid, 2)
    two!.session.gone()
    await pass(cluster, a, 20_000)
    const tries = reports(cluster)
    expect(tries.length).toBeLessThan(12)
    expect(tries.at(-1)).toMatchObject({ count: 1, joined: [idOf(one!)], left: [] })
    cluster.listen('a')
    const three = await b.join(uuid)
    await pass(cluster, a, 5000)
    expect(counts(owner).at(-1)).toMatchObject({ count: 2, joined: [idOf(one!), idOf(three)], left: [] })
    reports(cluster)
    await pass(cluster, a, 10_000)
    expect(reports(cluster)).toHaveLength(2)
    await b.join(uuid)
    await pass(cluster, a, 100)
    expect(reports(cluster)).toHaveLength(1)
  })
})

describe('an owner that comes', () => {
  test('back when all have left, here and elsewhere, is told of nobody; one that opens a room is told nothing', async () => {
    const { cluster, a, b, owner, uuid, ownerKey } = await ownerOnA()
    await settled(cluster, a)
    expect(counts(owner)).toEqual([])
    const listeners = [...(await joinMany(a, uuid, 2)), ...(await joinMany(b, uuid, 2))]
    await settled(cluster, a)
    owner.session.gone()
    for (const { session } of listeners) session.gone()
    await settled(cluster, a)
    const back = await b.takeBack(uuid, ownerKey)
    await settled(cluster, a)
    expect(counts(back)).toMatchObject([{ count: 0, joined: [], left: [] }])
  })

  test('gets the count of all nodes, and who is there', async () => {
    const { cluster, a, b, c, owner, uuid, ownerKey } = await ownerOnA()
    const listeners = [
      ...(await joinMany(a, uuid, 2)),
      ...(await joinMany(b, uuid, 3)),
      ...(await joinMany(c, uuid, 1)),
    ]
    await settled(cluster, a)
    owner.session.gone()
    await settled(cluster, a)
    reports(cluster)
    const back = await c.takeBack(uuid, ownerKey)
    await settled(cluster, a)
    const told = back.connection.received.flatMap(({ event }) => (event?.type === 'listeners' ? event : []))
    expect(told.at(-1)).toMatchObject({ count: 6 })
    expect(told.flatMap(({ joined }) => joined).sort()).toEqual(listeners.map(idOf).sort())
    expect(reports(cluster).map(({ from, to, count }) => [from, to, count])).toEqual([
      ['a', 'c', 2],
      ['b', 'c', 3],
    ])
  })

  test('to a node that did not hold the room: it is told again until it hears', async () => {
    const { cluster, a, b, owner, uuid, ownerKey } = await ownerOnA()
    await joinMany(b, uuid, 3)
    owner.session.gone()
    await settled(cluster, a)
    const d = cluster.start('d')
    const back = await d.takeBack(uuid, ownerKey)
    await pass(cluster, a, 500)
    expect(counts(back).at(-1)).toMatchObject({ count: 3, joined: { length: 3 } })
  })

  test('to a node that has not heard of it yet: what was reported before it was let in counts', async () => {
    const { cluster, a, b, c, owner, uuid, ownerKey } = await ownerOnA()
    await joinMany(b, uuid, 3)
    await joinMany(c, uuid, 1)
    owner.session.gone()
    await settled(cluster, a)
    cluster.log.hold('c')
    const back = await c.takeBack(uuid, ownerKey)
    cluster.log.release('c')
    await settled(cluster, a)
    expect(counts(back).at(-1)).toMatchObject({ count: 4 })
    await pass(cluster, a, 30_000)
    expect(counts(back)).toEqual([])
  })

  test('back to the same node starts from zero there', async () => {
    const { cluster, a, b, owner, uuid, ownerKey } = await ownerOnA()
    await joinMany(a, uuid, 1)
    const there = await joinMany(b, uuid, 3)
    await settled(cluster, a)
    owner.session.gone()
    await settled(cluster, a)
    for (const { session } of there) session.gone()
    await settled(cluster, a)
    const back = await a.takeBack(uuid, ownerKey)
    await settled(cluster, a)
    expect(counts(back)).toMatchObject([{ count: 1 }])
  })
})

test('a report that comes when the owner has gone is none for the next one', async () => {
  const { cluster, a, b, owner, uuid, ownerKey } = await ownerOnA()
  await joinMany(a, uuid, 1)
  const [one] = await joinMany(b, uuid, 2)
  await settled(cluster, a)
  cluster.log.hold('b')
  owner.session.gone()
  one!.session.gone()
  await settled(cluster, a)
  cluster.log.release('b')
  const back = await a.takeBack(uuid, ownerKey)
  await settled(cluster, a)
  const told = counts(back)
  expect(told.at(-1)).toMatchObject({ count: 2 })
  expect(told.flatMap(({ left }) => left)).toEqual([])
})

test('a replica whose log restarts, with the same owner where it was, does not report afresh', async () => {
  const { cluster, a, b, owner, uuid } = await ownerOnA()
  await joinMany(b, uuid, 2)
  await settled(cluster, a)
  reports(cluster)
  const room = await b.manager.room(uuid)
  const { epoch } = owner.welcome.position!
  room!.restarted({ epoch, seq: 0, term: 1, ownerHere: true, ownerNode: 'a', state: [], tail: [] })
  await settled(cluster, a)
  expect(reports(cluster)).toEqual([])
})

describe('nobody is asked', () => {
  test('while there is no owner, and no timer runs', async () => {
    const { cluster, a, b, owner, uuid } = await ownerOnA()
    await joinMany(b, uuid, 2)
    await settled(cluster, a)
    owner.session.gone()
    await settled(cluster, a)
    reports(cluster)
    await joinMany(b, uuid, 2)
    await pass(cluster, a, 30_000)
    expect(cluster.asked).toEqual([])
    expect(cluster.clock.pending).toBe(0)
  })

  test('[E1] once the room has ended, and no timer runs on any node', async () => {
    const { cluster, a, b, owner, uuid } = await ownerOnA()
    await joinMany(a, uuid, 2)
    await joinMany(b, uuid, 2)
    await settled(cluster, a)
    reports(cluster)
    cluster.hold()
    await b.join(uuid)
    await pass(cluster, a, 100)
    owner.session.receive(JSON.stringify(message(4, { uuid })))
    await a.settle()
    expect(cluster.clock.pending).toBe(0)
    cluster.release()
    await a.settle()
    expect(cluster.clock.pending).toBe(0)
    expect(reports(cluster)).toHaveLength(1)
    expect([a.manager.size, b.manager.size]).toEqual([0, 0])
  })
})
