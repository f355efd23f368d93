package dev.sluice.runtime.network;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.engine.EngineException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Test;

/** Messages as libtorch 2.7 gives them, and what a user is told of them. */
class EngineErrorsTest {
    private static final String STACK = """
            The following operation failed in the TorchScript interpreter.
            Traceback of TorchScript, serialized code (most recent call last):
              File "code/__torch__/torch/nn/modules/linear.py", line 14, in forward
                weight = self.weight
                return torch.linear(input, weight, bias)
                       ~~~~~~~~~~~~ <--- HERE
            class Identity(Module):
              __parameters__ = []

            Traceback of TorchScript, original code (most recent call last):
              File "net.py", line 13, in forward
                def forward(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
                    c = self.emb(label) + self.time(t.unsqueeze(1))
                        ~~~~~~~~ <--- HERE
                    return self.b(c)
            """;

    private static String cause(String message) {
        return EngineErrors.cause(new EngineException(message));
    }

    @Test
    void theCauseInsideAModuleIsTheLineBehindItsStacks() {
        assertThat(cause(STACK + "RuntimeError: index out of range in self\n"))
                .isEqualTo("RuntimeError: index out of range in self");
        assertThat(cause(STACK + "builtins.ValueError: mine\n")).isEqualTo("ValueError: mine");
        assertThat(cause(STACK + "RuntimeError: AssertionError: mine\n"))
                .isEqualTo("RuntimeError: AssertionError: mine");
    }

    @Test
    void theCauseInsideATraceWithoutSourceIsFoundToo() {
        String traced = """
                The following operation failed in the TorchScript interpreter.
                Traceback of TorchScript, original code (most recent call last):
                /usr/lib/python3/dist-packages/torch/jit/_trace.py(976): trace_module
                make.py(11): <module>
                RuntimeError: shape '[4, 784]' is invalid for input of size 1568
                """;
        assertThat(cause(traced)).isEqualTo("RuntimeError: shape '[4, 784]' is invalid for input of size 1568");
    }

    @Test
    void adviceBehindTheCauseIsLeftOut() {
        assertThat(cause(STACK + """
                RuntimeError: CUDA error: device-side assert triggered
                CUDA kernel errors might be asynchronously reported at some other API call.
                For debugging consider passing CUDA_LAUNCH_BLOCKING=1
                """)).isEqualTo("RuntimeError: CUDA error: device-side assert triggered");
    }

    @Test
    void aCheckOfTheEnginesOwnIsNamedWithoutItsPlace() {
        assertThat(
                        cause(
                                STACK
                                        + "RuntimeError: [enforce fail at alloc_cpu.cpp:119] err == 0. DefaultCPUAllocator: can't allocate"
                                        + " memory: you tried to allocate 100000000000 bytes. Error code 12 (Cannot allocate memory)\n"))
                .isEqualTo("RuntimeError: DefaultCPUAllocator: can't allocate memory: you tried to allocate"
                        + " 100000000000 bytes. Error code 12 (Cannot allocate memory)");
    }

    @Test
    void theCauseOutsideAModuleIsTheFirstLineAndTheNativeStackIsLeftOut() {
        assertThat(cause("""
                Expected at most 3 argument(s) for operator 'forward', but received 4 argument(s).
                Exception raised from checkAndNormalizeInputs at function_schema_inl.h:32 (most recent call first):
                frame #0: c10::Error::Error(c10::SourceLocation) + 0xb0 (0x7f7acd58ec70 in libc10.so)
                """))
                .isEqualTo("Expected at most 3 argument(s) for operator 'forward', but received 4 argument(s).");
        assertThat(cause("""

                Unknown builtin op: aten::foo.
                Could not find any similar ops to aten::foo.
                :
                  File "code/__torch__.py", line 12
                    ~~~~~~~~ <--- HERE
                """)).isEqualTo("Unknown builtin op: aten::foo.");
    }

    @Test
    void aMessageThatSaysNothingAloneComesWithItsKind() {
        assertThat(EngineErrors.cause(new NegativeArraySizeException("-784")))
                .isEqualTo("NegativeArraySizeException: -784");
        assertThat(EngineErrors.cause(new OutOfMemoryError("Java heap space")))
                .isEqualTo("OutOfMemoryError: Java heap space");
        assertThat(EngineErrors.cause(new IllegalStateException())).isEqualTo("IllegalStateException");
        assertThat(EngineErrors.cause(new EngineException("\n \n"))).isEqualTo("EngineException");
    }

    @Test
    void filesSayWhichAndWhy() {
        assertThat(EngineErrors.cause(new NoSuchFileException("/a/b.pt"))).isEqualTo("there is no file /a/b.pt");
        assertThat(EngineErrors.cause(new AccessDeniedException("/a/b.pt"))).isEqualTo("/a/b.pt (AccessDenied)");
        assertThat(EngineErrors.cause(new IOException("No space left on device")))
                .isEqualTo("No space left on device");
    }

    @Test
    void whatOnlyWrapsIsLookedThrough() {
        Throwable e = new EngineException(STACK + "RuntimeError: mine\n");
        for (int i = 0; i < 5; i++) {
            e = new CompletionException(e);
        }
        assertThat(EngineErrors.cause(e)).isEqualTo("RuntimeError: mine");
    }

    @Test
    void nothingIsLongerThanALine() {
        assertThat(cause(STACK + "RuntimeError: " + "\u0007y".repeat(100_000)))
                .hasSizeLessThan(420)
                .doesNotContain("\u0007");
    }
}
