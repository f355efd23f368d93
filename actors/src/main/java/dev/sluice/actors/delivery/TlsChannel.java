package dev.sluice.actors.delivery;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.nio.channels.SocketChannel;
import java.util.Optional;
import java.util.function.Function;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult;
import javax.net.ssl.SSLEngineResult.HandshakeStatus;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSession;

/**
 * TLS over a blocking socket, by the engine that Artery's configuration gives. The first read or write shakes hands, and
 * only then do one thread read and another write side by side.
 *
 * <p>TLS 1.3 sends messages of its own after the handshake (tickets, new keys). They are read where they come; what the
 * engine wants to answer goes with the next write.
 */
final class TlsChannel implements ByteChannel {
    private final SocketChannel socket;
    private final SSLEngine engine;
    private final Function<SSLSession, Optional<Throwable>> verify;

    /** From the network, unread. Only the reader's. */
    private final ByteBuffer sealedIn;
    /** Opened and not given yet. Only the reader's. */
    private ByteBuffer openIn;
    /** To the network. Under the write lock. */
    private final ByteBuffer sealedOut;

    private final Object writing = new Object();
    private boolean ready;

    /** @param verify says what is wrong with the peer's session, if anything */
    TlsChannel(SocketChannel socket, SSLEngine engine, Function<SSLSession, Optional<Throwable>> verify) {
        this.socket = socket;
        this.engine = engine;
        this.verify = verify;
        SSLSession session = engine.getSession();
        sealedIn = ByteBuffer.allocateDirect(2 * session.getPacketBufferSize()).flip();
        sealedOut = ByteBuffer.allocateDirect(session.getPacketBufferSize());
        openIn = ByteBuffer.allocate(session.getApplicationBufferSize()).flip();
    }

    @Override
    public int read(ByteBuffer sink) throws IOException {
        shakeHands();
        while (!openIn.hasRemaining()) {
            if (!open()) {
                return -1;
            }
        }
        int count = Math.min(sink.remaining(), openIn.remaining());
        sink.put(openIn.slice().limit(count));
        openIn.position(openIn.position() + count);
        return count;
    }

    @Override
    public int write(ByteBuffer source) throws IOException {
        shakeHands();
        int count = source.remaining();
        while (source.hasRemaining()) {
            seal(source);
        }
        return count;
    }

    private synchronized void shakeHands() throws IOException {
        if (ready) {
            return;
        }
        engine.beginHandshake();
        ByteBuffer nothing = ByteBuffer.allocate(0);
        HandshakeStatus status = engine.getHandshakeStatus();
        while (status != HandshakeStatus.NOT_HANDSHAKING && status != HandshakeStatus.FINISHED) {
            switch (status) {
                case NEED_WRAP -> seal(nothing);
                case NEED_TASK -> engine.getDelegatedTask().run();
                default -> {
                    if (!open()) {
                        throw new EOFException("the other side closed the connection while TLS was agreed on");
                    }
                }
            }
            status = engine.getHandshakeStatus();
        }
        Optional<Throwable> wrong = verify.apply(engine.getSession());
        if (wrong.isPresent()) {
            throw new SSLException(
                    "the peer's certificate was refused: " + wrong.get().getMessage(), wrong.get());
        }
        ready = true;
    }

    /** Opens what is there, or reads more; false at the end. */
    private boolean open() throws IOException {
        openIn.compact();
        try {
            SSLEngineResult result = engine.unwrap(sealedIn, openIn);
            switch (result.getStatus()) {
                case BUFFER_UNDERFLOW -> {
                    sealedIn.compact();
                    int count = socket.read(sealedIn);
                    sealedIn.flip();
                    return count >= 0;
                }
                case BUFFER_OVERFLOW -> {
                    ByteBuffer larger = ByteBuffer.allocate(
                            openIn.position() + engine.getSession().getApplicationBufferSize());
                    openIn = larger.put(openIn.flip());
                }
                case CLOSED -> {
                    return false;
                }
                case OK -> runTasks();
            }
            return true;
        } finally {
            openIn.flip();
        }
    }

    private void runTasks() {
        for (Runnable task = engine.getDelegatedTask(); task != null; task = engine.getDelegatedTask()) {
            task.run();
        }
    }

    private void seal(ByteBuffer source) throws IOException {
        synchronized (writing) {
            sealedOut.clear();
            SSLEngineResult result = engine.wrap(source, sealedOut);
            if (result.getStatus() == SSLEngineResult.Status.CLOSED && result.bytesProduced() == 0) {
                throw new EOFException("the other side ended TLS");
            }
            sealedOut.flip();
            while (sealedOut.hasRemaining()) {
                socket.write(sealedOut);
            }
        }
    }

    @Override
    public boolean isOpen() {
        return socket.isOpen();
    }

    /** Without TLS's farewell: whoever closes may not wait, and what was not acknowledged counts as lost anyway. */
    @Override
    public void close() throws IOException {
        socket.close();
    }
}
