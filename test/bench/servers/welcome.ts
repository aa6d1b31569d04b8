/** What a client gets first once it is in (rules O1 and J1), as far as the load generator reads it. */
export function welcome(uuid: string): string {
  return JSON.stringify({
    uuid,
    status: { value: 3, text: 'connected' },
    funcKey: '',
    funcParams: [],
    stateMessage: false,
  })
}
