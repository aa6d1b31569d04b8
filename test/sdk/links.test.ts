import { expect, onTestFinished, test } from 'vitest'
import { follow, present, roomOf } from '../../src/sdk/index.ts'
import { happening } from '../support/events.ts'
import { startTestServer } from '../support/server.ts'

const uuid = '0f0e0d0c-0b0a-4908-8706-050403020100'

test.each([
  [`https://your.host/?uuid=${uuid}`, uuid],
  [new URL(`https://your.host/talk?lang=de&uuid=${uuid}#/3`), uuid],
  [{ href: `https://your.host/?uuid=${uuid.toUpperCase()}` }, uuid.toUpperCase()],
  [`?uuid=${uuid}`, uuid],
  ['https://your.host/', undefined],
  ['https://your.host/?uuid=', undefined],
  ['https://your.host/?uuid=.', undefined],
  [`https://your.host/?uuid=${uuid}0`, undefined],
  ['', undefined],
])('the room of %s', (link, room) => {
  expect(roomOf(link)).toBe(room)
})

test('the audience’s link leads to the page that is named, and keeps what is in it', async () => {
  const server = await startTestServer()
  onTestFinished(() => server.stop())
  const link = async (page?: string | URL) => {
    const room = await present(server.url, page === undefined ? {} : { page })
    onTestFinished(() => room.leave())
    expect(roomOf(room.link)).toBe(room.uuid)
    return room.link.replace(room.uuid, '<uuid>')
  }
  expect(await link()).toBe(`${server.url}/?uuid=<uuid>`)
  expect(await link('/talk')).toBe(`${server.url}/talk?uuid=<uuid>`)
  expect(await link('https://a.example/talk?lang=de&uuid=old#/3')).toBe('https://a.example/talk?lang=de&uuid=<uuid>#/3')
  expect(await link(new URL('https://a.example/'))).toBe('https://a.example/?uuid=<uuid>')
  await expect(present(server.url, { page: 'http://' })).rejects.toThrow('Invalid URL')
})

test.each(['.', '..', '', '../..', 'x/y?z#', undefined])('[J2] what is no uuid (%j) is no room', async (wrong) => {
  const server = await startTestServer()
  onTestFinished(() => server.stop())
  const show = follow(server.url, wrong)
  onTestFinished(() => show.leave())
  await happening(show, 'status', (status) => status === 'ended')
  expect(show.ending).toMatchObject({ code: 'room_not_found' })
})
