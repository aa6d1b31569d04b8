// What the types of the SDK allow, and what not. `npm run types` checks it: none of it is run.

import { expectTypeOf } from 'vitest'
import type { Json } from '../../src/protocol/messages.ts'
import {
  type Actions,
  type ActionsOf,
  type Feedback,
  type Following,
  type FollowingEvents,
  follow,
  type Name,
  type Presentation,
  type PresentationEvents,
  present,
  type Received,
  type RoomcastError,
} from '../../src/sdk/index.ts'

interface Stroke {
  readonly color?: string
  points: number[]
  next?: Stroke
}

interface Deck {
  slide: [index: number]
  draw: [slide: number, stroke: Stroke]
  away: []
}

interface Says {
  clap: [times: number]
  question: [text: string]
}

declare const room: Presentation<Deck, Says>
declare const show: Following<Deck, Says>
declare const typed: Presentation<{ slide: [index: number] }>
declare const untyped: Following<Record<string, Json[]>>

export const checks = {
  'an interface is as good as a type'() {
    expectTypeOf(present<Deck>).returns.resolves.toEqualTypeOf<Presentation<Deck>>()
    expectTypeOf(follow<Deck, Says>).returns.toEqualTypeOf<Following<Deck, Says>>()
    show.on('draw', (slide, stroke) => {
      expectTypeOf(slide).toBeNumber()
      expectTypeOf(stroke).toEqualTypeOf<Stroke>()
    })
    expectTypeOf(room.state<'draw'>).parameters.toEqualTypeOf<['draw', number, Stroke]>()
    void room.broadcast('away')
    void room.key('k').append('draw', 1, { points: [] })
    void room.to('all').broadcast('slide', 1)
    type AsType = { slide: [index: number] }
    follow<AsType>('', '').on('slide', (index) => expectTypeOf(index).toBeNumber())
  },

  'what is wrong is an error'() {
    // @ts-expect-error a string is no number
    void room.state('slide', '1')
    // @ts-expect-error one parameter is missing
    void room.state('draw', 1)
    // @ts-expect-error there is no such action
    show.on('slid', () => {})
    // @ts-expect-error a Date is no Date any more when it comes out of JSON
    follow<{ at: [time: Date] }>('', '')
    // @ts-expect-error a function does not go into JSON
    follow<{ call: [back: () => void] }>('', '')
    // @ts-expect-error nor does a Map that is deep inside
    follow<{ all: [{ of: Map<string, number>[] }] }>('', '')
    // @ts-expect-error nor does a bigint
    follow<{ big: [bigint] }>('', '')
    // @ts-expect-error parameters are a list
    follow<{ slide: number }>('', '')
    // @ts-expect-error there is no such feedback
    void show.feedback('boo')
    // @ts-expect-error a string is no number
    void show.feedback('clap', 'twice')
  },

  'feedback keeps its types'() {
    expectTypeOf(show.feedback('clap', 2)).resolves.toBeVoid()
    room.when('feedback', (said) => {
      expectTypeOf(said).toEqualTypeOf<Feedback<Says>>()
      if (said.action === 'clap') expectTypeOf(said.params).toEqualTypeOf<Readonly<[times: number]>>()
      else expectTypeOf(said.params[0]).toBeString()
      expectTypeOf(said.from).toBeString()
    })
    expectTypeOf<PresentationEvents<Says>['feedback']>().toEqualTypeOf<Feedback<Says>>()
  },

  'accepting a room keeps its types'() {
    show.when('handover', ({ accept }) => {
      expectTypeOf(accept).returns.resolves.toEqualTypeOf<Presentation<Deck, Says>>()
    })
    expectTypeOf<FollowingEvents<Deck>['handover']['accept']>().returns.resolves.toEqualTypeOf<Presentation<Deck>>()
  },

  'code may be generic over it'() {
    function present<A extends Actions>(room: Presentation<A>): void {
      void room.close()
    }
    function listen<A extends ActionsOf<A>>(show: Following<A, Says>, action: Name<A>): void {
      show.on(action, (...params) => params)
    }
    present(typed)
    listen(show, 'slide')
  },

  'without a declaration any action goes'() {
    void untyped.feedback('question', 'Why?', { deep: [1, null] })
    untyped.on('slide', (...params) => expectTypeOf(params).toEqualTypeOf<Json[]>())
    void present('').then((room) => {
      void room.state('slide', 1, 'x')
      room.when('feedback', ({ action, params }) => {
        expectTypeOf(action).toBeString()
        expectTypeOf(params).toEqualTypeOf<readonly Json[]>()
      })
    })
  },

  'what is stored, and what failed'() {
    expectTypeOf(show.stored()).toEqualTypeOf<Received[]>()
    expectTypeOf<RoomcastError['retryAfter']>().toEqualTypeOf<number | undefined>()
  },
}
