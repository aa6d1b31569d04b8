import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Nodes } from '../../src/room/ports.ts'

/** What a node answers: as `Manager.answer`. */
export type Answering = (from: string, uuid: string, question: string) => Promise<string | undefined>

export interface NodeUnderTest {
  readonly nodes: Nodes
  /** Its process ends. */
  end(): Promise<void>
}

/** What an adapter's own test file says. */
export interface NodesUnderTest {
  /** Starts one node among those of this test; resolves when the others can ask it. */
  start(answer: Answering): Promise<NodeUnderTest>
  /** Takes away what the nodes of a test were in. */
  cleanUp?(): Promise<void>
}

const A = '00000000-0000-4000-8000-00000000000a'
const question = (value: unknown) => JSON.stringify(value)

/** The one suite that every way between nodes passes. */
export function testNodes(name: string, underTest: NodesUnderTest): void {
  describe(`the nodes contract: ${name}`, () => {
    let started: NodeUnderTest[]
    /** What each has been asked, in the order that it came. */
    let asked: { by: string; to: number; uuid: string; question: string }[]
    let answer: (to: number, question: string) => string | undefined | Promise<string | undefined>

    beforeEach(() => {
      started = []
      asked = []
      answer = (to, question) => `${to}: ${question}`
    })
    afterEach(async () => {
      await Promise.all(started.map((node) => node.end()))
      await underTest.cleanUp?.()
    })

    async function start(count: number): Promise<Nodes[]> {
      const nodes: Nodes[] = []
      for (let n = 0; n < count; n++) {
        const node = await underTest.start(async (by, uuid, question) => {
          asked.push({ by, to: n, uuid, question })
          return answer(n, question)
        })
        started.push(node)
        nodes.push(node.nodes)
      }
      return nodes
    }

    test('each has a name of its own, without a dot', async () => {
      const names = (await start(3)).map(({ name }) => name)
      expect(new Set(names).size).toBe(3)
      for (const name of names) expect(name).toMatch(/^[^.]+$/)
    })

    test('who is asked is told by whom, about which room, and what; its answer is for who asked', async () => {
      const [one, two, three] = (await start(3)) as [Nodes, Nodes, Nodes]
      const text = question('"ü€😀\u0000\n{}')
      expect(await one.ask(two.name, A, text)).toBe(`1: ${text}`)
      expect(await two.ask(one.name, A, text)).toBe(`0: ${text}`)
      expect(await three.ask(two.name, A, text)).toBe(`1: ${text}`)
      expect(asked).toEqual([
        { by: one.name, to: 1, uuid: A, question: text },
        { by: two.name, to: 0, uuid: A, question: text },
        { by: three.name, to: 1, uuid: A, question: text },
      ])
    })

    test('of many that are asked at once each gets its own answer, and what one node is asked comes in order', async () => {
      const [one, two, three] = (await start(3)) as [Nodes, Nodes, Nodes]
      const upTo = Array.from({ length: 200 }, (_, n) => n)
      const answers = await Promise.all(upTo.map((n) => one.ask((n % 2 ? two : three).name, A, question(n))))
      expect(answers).toEqual(upTo.map((n) => `${n % 2 ? 1 : 2}: ${n}`))
      const came = (to: number) => asked.filter((one) => one.to === to).map(({ question }) => Number(question))
      expect([came(1), came(2)]).toEqual([upTo.filter((n) => n % 2), upTo.filter((n) => !(n % 2))])
    })

    test('one that takes its time holds up no other', async () => {
      const [one, two] = (await start(2)) as [Nodes, Nodes]
      const { promise, resolve } = Promise.withResolvers<string>()
      answer = (_, text) => (text === question('slow') ? promise : text)
      const slow = one.ask(two.name, A, question('slow'))
      expect(await one.ask(two.name, A, question('quick'))).toBe(question('quick'))
      resolve('at last')
      expect(await slow).toBe('at last')
    })

    test('of a room that is not there, nothing', async () => {
      const [one, two] = (await start(2)) as [Nodes, Nodes]
      answer = () => undefined
      expect(await one.ask(two.name, A, question(1))).toBeUndefined()
    })

    test('[B2] of a node that a client has made up, nothing, and nobody is asked', async () => {
      const [one, two] = (await start(2)) as [Nodes, Nodes]
      const names = [
        '',
        ' ',
        '*',
        '{x}',
        '}',
        ':',
        '\n',
        '\u0000',
        '__proto__',
        'constructor',
        `${two.name}x`,
        'x'.repeat(60),
      ]
      const made = await Promise.all(names.map((name) => one.ask(name, A, question(1))))
      expect(new Set(made)).toEqual(new Set([undefined]))
      expect(asked).toEqual([])
      expect(await one.ask(two.name, A, question(2))).toBe('1: 2')
    })

    test('of one whose process has ended, nothing; and one that comes later can be asked at once', async () => {
      const [one, two] = (await start(2)) as [Nodes, Nodes]
      expect(await one.ask(two.name, A, question(1))).toBe('1: 1')
      await started[1]!.end()
      expect(await one.ask(two.name, A, question(2))).toBeUndefined()
      const late = await underTest.start(async () => 'late')
      started.push(late)
      expect(await one.ask(late.nodes.name, A, question(3))).toBe('late')
    })
  })
}
