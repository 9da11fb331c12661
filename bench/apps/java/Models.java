// The same answers as hello.ts and models.ts, from the JDK's own HTTP server: a virtual thread for each request.

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Executors;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

public final class Models {
    private static final byte[] BODY = "Hello, world!\n".getBytes(StandardCharsets.US_ASCII);
    private static final Pattern MILLISECONDS = Pattern.compile("\\bms=(\\d+)");
    private static final int BACKLOG = 4096;

    // A virtual thread in a native call keeps its carrier: this blocks a thread, as `Atomics.wait` does. Thread.sleep would park.
    private static final MethodHandle USLEEP = Linker.nativeLinker().downcallHandle(
        Linker.nativeLinker().defaultLookup().find("usleep").orElseThrow(),
        FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));

    private Models() {}

    public static void main(String[] arguments) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), BACKLOG);
        server.createContext("/", Models::answer);
        server.createContext("/wait", exchange -> {
            try {
                Thread.sleep(milliseconds(exchange));
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
            }
            answer(exchange);
        });
        server.createContext("/block", exchange -> {
            block(milliseconds(exchange));
            answer(exchange);
        });
        server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        server.start();
        System.out.printf("listening on http://127.0.0.1:%d%n", server.getAddress().getPort());
    }

    private static void block(int milliseconds) throws IOException {
        try {
            int result = (int) USLEEP.invokeExact(milliseconds * 1000);
            if (result != 0) throw new IOException("usleep failed");
        } catch (IOException failed) {
            throw failed;
        } catch (Throwable failed) {
            throw new IOException(failed);
        }
    }

    private static int milliseconds(HttpExchange exchange) {
        String query = exchange.getRequestURI().getRawQuery();
        Matcher found = MILLISECONDS.matcher(query == null ? "" : query);
        return found.find() ? Integer.parseInt(found.group(1)) : 0;
    }

    private static void answer(HttpExchange exchange) throws IOException {
        exchange.getResponseHeaders().set("content-type", "text/plain");
        exchange.sendResponseHeaders(200, BODY.length);
        exchange.getResponseBody().write(BODY);
        exchange.close();
    }
}
