import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT } from '../support/child.ts'

const read = (file: string) => readFileSync(join(ROOT, file), 'utf8')
const dockerfile = read('Dockerfile')

test('the image starts what `npm start` starts', () => {
  const { scripts } = JSON.parse(read('package.json'))
  const command = JSON.parse(/^CMD (\[.*\])$/m.exec(dockerfile)![1]!) as string[]
  expect(`exec ${command.join(' ')}`).toBe(scripts.start)
})

test('the image bundles what `npm run build` bundles', () => {
  const { scripts } = JSON.parse(read('package.json'))
  expect(dockerfile).toContain(`\nRUN ${scripts.build}\n`)
})

test('the image has a Node that the project runs on', () => {
  const { engines } = JSON.parse(read('package.json'))
  const versions = [...dockerfile.matchAll(/^FROM node:(\d+)/gm)].map(([, version]) => version)
  expect(new Set(versions.map((version) => `>=${version}`))).toEqual(new Set([engines.node]))
})

test('what the image is built from exists, and Docker is given it', () => {
  const given = read('.dockerignore')
    .split('\n')
    .filter((line) => line.startsWith('!'))
    .map((line) => line.slice(1))
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, sources]) => sources!.split(' '))
  expect(copied.length).toBeGreaterThan(0)
  for (const file of copied) expect(existsSync(join(ROOT, file)), file).toBe(true)
  expect(new Set(given)).toEqual(new Set(copied))
})
