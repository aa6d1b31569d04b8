import { describe, expect, test, vi } from 'vitest'
import { RoomError } from '../../../src/room/errors.ts'
import { broadcasts, type House, type Member, says } from '../../support/doubles.ts'
import { message } from '../../support/messages.ts'
import { events, heard, idOf, roomOnThree, settled } from '../../support/room-on-three.ts'

describe('[O3] handing the room over to a listener on another node', () => {
  const offers = (member: Member) => events(member).filter(({ type }) => type === 'handover') as { ownerKey: string }[]

  async function handOver(house: House, owner: Member, to: string, id = 'offer') {
    owner.session.receive(JSON.stringify(message(3, { uuid: owner.welcome.uuid, handover: to, id })))
    await house.settle()
  }

  test('it takes over on its node, and the former owner stays on its own as a listener', async () => {
    const { cluster, a, c, owner, uuid, onB, onC } = await roomOnThree()
    await handOver(a, owner, idOf(onC))
    expect(events(owner)).toMatchObject([{ type: 'ack', id: 'offer' }])
    const [offer] = offers(onC)
    expect(JSON.stringify(cluster.asked)).not.toContain(offer!.ownerKey)
    const heir = await c.takeBack(uuid, offer!.ownerKey)
    await settled(cluster, a)
    expect(heir.welcome).toMatchObject({ role: 'owner' })
    expect(heir.welcome.ownerKey).not.toBe(offer!.ownerKey)
    expect(events(owner)).toMatchObject([
      { type: 'role', role: 'listener' },
      { type: 'owner', here: true, handedOver: true },
    ])
    says(heir, 'n', [1])
    says(owner, 'clap', [2], { id: 'clap' })
    await a.settle()
    expect([owner, onB].map(heard)).toEqual([['n:1'], ['n:1']])
    expect(broadcasts(heir.connection.received)).toEqual(['clap:2'])
    expect(events(heir)).toContainEqual(expect.objectContaining({ type: 'listeners', count: 4 }))
  })

  test.each([
    ['is not on its node', 'c.nobody'],
    ['is on a node that there is not', 'z.nobody'],
    ['is nowhere', 'nobody'],
  ])('one that %s is no client', async (_, nobody) => {
    const { a, owner } = await roomOnThree()
    await handOver(a, owner, nobody)
    expect(events(owner)).toMatchObject([{ code: 'unknown_client', field: 'handover', id: 'offer' }])
  })

  test('the owner itself is no heir, nor one whose node is silent', async () => {
    const { cluster, a, owner, onC } = await roomOnThree()
    cluster.silence('c')
    await handOver(a, owner, idOf(owner))
    await handOver(a, owner, idOf(onC))
    expect(events(owner)).toMatchObject([{ code: 'unknown_client' }, { code: 'unknown_client' }])
  })

  test('an old term is refused', async () => {
    const { cluster, a, b, owner, uuid, ownerKey, onC } = await roomOnThree()
    cluster.log.hold('a')
    await b.takeBack(uuid, ownerKey)
    await handOver(a, owner, idOf(onC))
    expect(events(owner)).toMatchObject([{ code: 'displaced', id: 'offer' }])
    expect(offers(onC)).toEqual([])
  })

  test('a log that the heir has not got hold of is told to the owner', async () => {
    const { a, c, owner, onC } = await roomOnThree()
    vi.spyOn(c.log, 'offerHandover').mockRejectedValueOnce(new RoomError('log_unavailable', 'out of reach'))
    await handOver(a, owner, idOf(onC))
    vi.spyOn(c.log, 'offerHandover').mockRejectedValueOnce(new Error('secret words'))
    await handOver(a, owner, idOf(onC), 'again')
    expect(events(owner)).toMatchObject([
      { code: 'log_unavailable', id: 'offer' },
      { code: 'server_error', id: 'again', message: expect.not.stringContaining('secret') },
    ])
    expect(offers(onC)).toEqual([])
  })

  test('a listener that goes before the offer stands is no client', async () => {
    const { a, c, owner, onC } = await roomOnThree()
    vi.spyOn(c.log, 'offerHandover').mockImplementationOnce(async () => onC.session.gone())
    await handOver(a, owner, idOf(onC))
    expect(events(owner)).toMatchObject([{ code: 'unknown_client', id: 'offer' }])
    expect(onC.connection.fresh()).toEqual([])
  })

  test('of two offers in a row the second is good, whichever node is slower', async () => {
    const { cluster, a, c, owner, uuid, onA, onC } = await roomOnThree()
    cluster.hold()
    await handOver(a, owner, idOf(onC), '1')
    await handOver(a, owner, idOf(onA), '2')
    expect(offers(onA)).toEqual([])
    cluster.release()
    await a.settle()
    const [[first], [second]] = [offers(onC), offers(onA)]
    expect((await c.takeBack(uuid, first!.ownerKey)).welcome.event).toMatchObject({ code: 'take_back_refused' })
    expect((await a.takeBack(uuid, second!.ownerKey)).welcome.role).toBe('owner')
  })
})
