// Socket.IO with one room that everybody joins, over WebSocket only, its other settings as they come.

import { createServer } from 'node:http'
import { Server } from 'socket.io'
import { host, port } from './address.ts'

const server = createServer()
const io = new Server(server, { transports: ['websocket'], perMessageDeflate: false, serveClient: false })

io.on('connection', (socket) => {
  socket.join('room')
  socket.on('cast', (payload: string) => {
    socket.to('room').emit('cast', payload)
  })
})

server.listen(port, host)
