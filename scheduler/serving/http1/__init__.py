"""HTTP/1.1 as the server speaks it: an asyncio protocol, heads read by llhttp (httptools), everything else here.

Read in this order: target (a request's address), head (its first lines), chunks (a body of unknown length), responses
(the first lines of answers), shared, connection (one client), server (the listening socket, the clock, the end).

The application is asked twice about a request whose body is late (`admit` before it is read, `answer` with it), and
once about any other. It answers through the connection, at once or later; a connection has one request at a time.
"""
