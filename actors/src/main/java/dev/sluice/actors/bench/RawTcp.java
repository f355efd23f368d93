package dev.sluice.actors.bench;

import dev.sluice.protocol.message.CriticMessage;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;

/**
 * The yardstick: byte arrays of the messages' sizes over one TCP connection, copied into an array that the receiver
 * already has. No message is made of them.
 */
final class RawTcp implements Way {
    private final Socket socket;
    private final DataOutputStream out;
    private final Window window = new Window();
    private byte[] payload = new byte[0];

    private RawTcp(Socket socket) throws IOException {
        this.socket = socket;
        this.out = new DataOutputStream(socket.getOutputStream());
    }

    static RawTcp to(int port) throws IOException {
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), port);
        socket.setTcpNoDelay(true);
        RawTcp way = new RawTcp(socket);
        daemon("raw-acknowledgements", way::hear);
        return way;
    }

    /** The peer's side. Its socket stays open until the JVM ends. */
    static int serve() throws IOException {
        ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        daemon("raw-receiver", () -> {
            try (server;
                    Socket socket = server.accept()) {
                socket.setTcpNoDelay(true);
                DataInputStream in = new DataInputStream(socket.getInputStream());
                byte[] own = new byte[0];
                while (true) {
                    int length = in.readInt();
                    if (own.length != length) {
                        own = new byte[length];
                    }
                    in.readFully(own);
                    socket.getOutputStream().write(1);
                }
            } catch (EOFException e) {
                // The bench is over.
            }
        });
        return server.getLocalPort();
    }

    private void hear() throws IOException {
        try {
            while (socket.getInputStream().read() >= 0) {
                window.acknowledged();
            }
        } catch (SocketException e) {
            if (!socket.isClosed()) {
                throw e;
            }
        }
    }

    @Override
    public String name() {
        return "raw TCP";
    }

    @Override
    public void send(CriticMessage.Samples message, int count, int window) throws Exception {
        int length = message.xS().byteSize();
        if (payload.length != length) {
            payload = new byte[length];
        }
        this.window.run(count, window, () -> {
            out.writeInt(length);
            out.write(payload);
        });
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }

    private static void daemon(String name, Body body) {
        Thread thread = new Thread(
                () -> {
                    try {
                        body.run();
                    } catch (IOException e) {
                        throw new IllegalStateException("the raw TCP connection of the bench broke", e);
                    }
                },
                name);
        thread.setDaemon(true);
        thread.start();
    }

    private interface Body {
        void run() throws IOException;
    }
}
