"""VOEvent Transport Protocol: subscriber, receiver, broadcaster and author in plain asyncio.

`framing` puts XML into length-prefixed frames and takes it out without trusting the length,
`transport` is the protocol's own messages, `filters` the few subscriptions that are understood and
`admission` who may connect. The other four are the roles. None decides anything: what arrives goes
to a callback, whose answer is sent. Interoperates with Comet in all three of its roles
(ivoa.net/documents/Notes/VOEventTransport).
"""
