import { watch } from './audience.ts'
import { landing } from './landing.ts'
import { held } from './memory.ts'
import { open } from './opening.ts'

const root = document.querySelector<HTMLElement>('#page')!
const uuid = new URLSearchParams(location.search).get('uuid') ?? ''
const room = held()

if (uuid !== '') watch(root, uuid)
else if (room !== undefined) void open(root, room)
else landing(root, () => void open(root))
