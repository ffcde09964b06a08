"""Stack traces of eight languages, paths and names, out of free text."""

from __future__ import annotations

import time

import pytest

from deep_code_reasoning.source.hints import Frame, hints, without_frames

TRACES = {
    "python": (
        'Traceback (most recent call last):\n  File "/app/shop/api.py", line 12, in post\n    pay(cart)\n'
        '  File "/app/shop/cart.py", line 40, in pay\n    raise ValueError\nValueError',
        [("/app/shop/cart.py", 40, "pay"), ("/app/shop/api.py", 12, "post")],
    ),
    "java": (
        "com.acme.ApiException: no\n\tat com.acme.api.Api.post(Api.java:12)\n"
        "\tat java.base/java.lang.Thread.run(Thread.java:833)\n"
        "Caused by: java.lang.IllegalStateException\n\tat app//com.acme.cart.Cart.lambda$pay$0(Cart.java:40)\n",
        [("com/acme/cart/Cart.java", 40, "lambda$pay$0"), ("com/acme/api/Api.java", 12, "post"),
         ("java/lang/Thread.java", 833, "run")],
    ),
    "node": (
        "TypeError: x is undefined\n    at Cart.pay (/app/src/cart.js:40:13)\n    at async /app/src/api.js:12:5\n",
        [("/app/src/cart.js", 40, "Cart.pay"), ("/app/src/api.js", 12, None)],
    ),
    "dotnet": (
        "System.InvalidOperationException: no\n   at Acme.Cart.Pay(Int32 id) in C:\\src\\Acme\\Cart.cs:line 40\n"
        "   at Acme.Api.Post() in C:\\src\\Acme\\Api.cs:line 12\n",
        [("C:/src/Acme/Cart.cs", 40, "Acme.Cart.Pay"), ("C:/src/Acme/Api.cs", 12, "Acme.Api.Post")],
    ),
    "go": (
        "goroutine 1:\nmain.(*Cart).Pay(0xc000)\n\t/app/cart.go:40 +0x1d\nmain.main()\n\t/app/main.go:12 +0x2f\n",
        [("/app/cart.go", 40, "main.(*Cart).Pay"), ("/app/main.go", 12, "main.main")],
    ),
    "ruby": (
        "app/cart.rb:40:in `pay': no (RuntimeError)\n\tfrom app/api.rb:12:in 'Api#post'\n",
        [("app/cart.rb", 40, "pay"), ("app/api.rb", 12, "Api#post")],
    ),
    "php": (
        "PHP Fatal error\n#0 /app/src/Cart.php(40): Acme\\Cart->pay()\n#1 /app/src/Api.php(12): Acme\\Api::post()\n",
        [("/app/src/Cart.php", 40, "Acme\\Cart->pay"), ("/app/src/Api.php", 12, "Acme\\Api::post")],
    ),
    "rust": (
        "   4: shop::pay\n             at ./src/cart.rs:40:9\n   5: shop::main\n          at ./src/main.rs:12:5\n",
        [("./src/cart.rs", 40, "shop::pay"), ("./src/main.rs", 12, "shop::main")],
    ),
}  # fmt: skip


# What else the runtimes print: (trace, the first frames).
UNUSUAL = {
    "java, nested causes, inner classes, what is left out, jars": (
        "2026-11-25 10:00:00 ERROR [http-1] c.a.Api - failed\n"
        "org.springframework.web.util.NestedServletException: no; nested exception is java.lang.RuntimeException\n"
        "\tat org.springframework.web.FrameworkServlet.processRequest(FrameworkServlet.java:1014)"
        " ~[spring-web-5.3.jar:5.3]\n"
        "\tat com.acme.api.Api$$FastClassBySpringCGLIB$$5c3.invoke(<generated>)\n"
        "\tat jdk.internal.reflect.GeneratedMethodAccessor12.invoke(Unknown Source)\n"
        "\tSuppressed: java.io.IOException: close\n\t\tat com.acme.io.Pipe.close(Pipe.java:9)\n"
        "\t\tCaused by: java.io.EOFException\n\t\t\tat com.acme.io.Pipe.flush(Pipe.java:7)\n\t\t\t... 3 more\n"
        "Caused by: java.lang.RuntimeException: two\n\tat com.acme.api.Api.post(Api.java:12)\n\t... 41 more\n"
        "Caused by: java.lang.IllegalStateException: one\n\tat com.acme.cart.Cart$Item$1.price(Cart.java:77)\n"
        "\t... 42 common frames omitted\n",
        [("com/acme/cart/Cart.java", 77, "price"), ("com/acme/api/Api.java", 12, "post")],
    ),
    "java, the first cause first": (
        "java.lang.IllegalStateException: one\n\tat com.acme.cart.Cart.pay(Cart.java:40)\n\t... 3 common frames\n"
        "Wrapped by: java.lang.RuntimeException: two\n\tat com.acme.api.Api.post(Api.java:12)\n",
        [("com/acme/cart/Cart.java", 40, "pay"), ("com/acme/api/Api.java", 12, "post")],
    ),
    "kotlin": (
        "kotlin.KotlinNullPointerException\n\tat com.acme.cart.CartKt$pay$2.invokeSuspend(Cart.kt:41)\n"
        "\tat com.acme.cart.Cart.pay-WZ4Q5Ns(Cart.kt:40)\n\tat com.acme.cart.CartTest.pays the cart(CartTest.kt:12)\n",
        [("com/acme/cart/Cart.kt", 41, "invokeSuspend"), ("com/acme/cart/Cart.kt", 40, "pay-WZ4Q5Ns"),
         ("com/acme/cart/CartTest.kt", 12, "pays the cart")],
    ),
    "java, pasted out of JSON": (
        '{"stack": "java.lang.Error: no\\n\\tat com.acme.Api.post(Api.java:12)\\nCaused by: java.lang.Error\\n'
        '\\tat com.acme.Cart.pay(Cart.java:40)\\n"}',
        [("com/acme/Cart.java", 40, "pay"), ("com/acme/Api.java", 12, "post")],
    ),
    "python, a direct cause": (
        'Traceback (most recent call last):\n  File "/app/cart.py", line 40, in pay\nKeyError\n\nThe above exception '
        'was the direct cause of the following exception:\n\nTraceback (most recent call last):\n  File "/app/api.py", '
        "line 12, in post\nApiError\n",
        [("/app/cart.py", 40, "pay"), ("/app/api.py", 12, "post")],
    ),
    "node, modules, anonymous functions and a cause": (
        "Error: no\n    at Object.<anonymous> (file:///app/src/api.mjs:12:5)\n    at async Promise.all (index 0)\n"
        "    at process.processTicksAndRejections (node:internal/process/task_queues:95:5) {\n  [cause]: TypeError: x\n"
        "      at Cart.pay [as checkout] (/app/src/cart.ts:40:13)\n  }\n",
        [("/app/src/cart.ts", 40, "Cart.pay [as checkout]"), ("file:///app/src/api.mjs", 12, "Object.<anonymous>")],
    ),
    "firefox": ("pay@https://shop.example/static/cart.js?v=3:40:13\n",
                [("https://shop.example/static/cart.js", 40, "pay")]),
    "dotnet, async, generic, inner first, another language": (
        "System.AggregateException: One\n ---> System.InvalidOperationException: no\n"
        "   at Acme.Cart.<PayAsync>d__12.MoveNext() in /src/Acme/Cart.cs:line 40\n"
        "   at Acme.Store`1.Load[T](T id, Func`2 f) in C:\\src\\Acme\\Store.cs:line 7\n"
        "   --- End of inner exception stack trace ---\n   bei Acme.Api.Post() in C:\\src\\Api.cs:Zeile 12.\n",
        [("/src/Acme/Cart.cs", 40, "Acme.Cart.<PayAsync>d__12.MoveNext"),
         ("C:/src/Acme/Store.cs", 7, "Acme.Store`1.Load"),
         ("C:/src/Api.cs", 12, "Acme.Api.Post")],
    ),
    "go, a panic and its creator": (
        "panic: runtime error: index out of range [3] with length 3\n\ngoroutine 18 [running]:\n"
        "github.com/acme/shop/cart.(*Cart).Pay(0xc0000b2000, {0x1, 0x2})\n"
        "\tgithub.com/acme/shop/cart/cart.go:40 +0x1d\n"
        "created by main.main in goroutine 1\n\t/app/main.go:12 +0x2f\n",
        [("github.com/acme/shop/cart/cart.go", 40, "github.com/acme/shop/cart.(*Cart).Pay")],
    ),
    "rust, a panic": (
        "thread 'main' panicked at 'no: Err', src/cart.rs:40:9\nstack backtrace:\n   0: rust_begin_unwind\n"
        "             at /rustc/90b35a6/library/std/src/panicking.rs:575:5\n",
        [("/rustc/90b35a6/library/std/src/panicking.rs", 575, "rust_begin_unwind"),
         ("src/cart.rs", 40, None)],
    ),
    "php, uncaught, with closures": (
        "PHP Fatal error:  Uncaught Exception: no in /app/src/Cart.php:40\nStack trace:\n"
        "#0 /app/src/Api.php(12): Acme\\Api::{closure}(Object(Acme\\Cart))\n#1 [internal function]: x()\n#2 {main}\n"
        "  thrown in /app/src/Cart.php on line 40\n",
        [("/app/src/Cart.php", 40, None), ("/app/src/Api.php", 12, "Acme\\Api::{closure}")],
    ),
    "python, a group": (
        '  + Exception Group Traceback (most recent call last):\n  |   File "/app/main.py", line 9, in main\n'
        "  |     async with group:\n  |                ~~~~~^^\n  +-+---------------- 1 ----------------\n"
        '    | Traceback (most recent call last):\n    |   File "/app/stock.py", line 5, in Stock.reserve\n',
        [("/app/stock.py", 5, "Stock.reserve"), ("/app/main.py", 9, "main")],
    ),
    "pytest": (
        "tests/test_cart.py:7: in test_total\n    total(1)\nshop/cart.py:2: IndexError\n"
        "shop/old.py:3: DeprecationWarning: it goes\n",
        [("shop/cart.py", 2, None), ("tests/test_cart.py", 7, "test_total")],
    ),
    "vitest": (
        " \u276f total src/cart.ts:4:10\n \u276f test/cart.test.ts:6:24\n",
        [("src/cart.ts", 4, "total"), ("test/cart.test.ts", 6, None)],
    ),
    "go, a failing test": (
        "--- FAIL: TestTotal (0.00s)\n    cart_test.go:12: got 2, want 3\n",
        [("cart_test.go", 12, "TestTotal")],
    ),
    "go, who began it": (
        "created by main.main in goroutine 1\n\t/app/main.go:12 +0x2f\n",
        [("/app/main.go", 12, "main.main")],
    ),
    "minitest": ("CartTest#test_total [test/cart_test.rb:7]:\nExpected: 3\n", [("test/cart_test.rb", 7, "test_total")]),
    "phpunit": (
        "Failed asserting that 2 matches 3.\n\n/app/tests/CartTest.php:9\n/app/src/Cart.php:3\n",
        [("/app/tests/CartTest.php", 9, None), ("/app/src/Cart.php", 3, None)],
    ),
    "java, without files and lines": (
        "\tat com.acme.cart.Cart$Item.pay(SourceFile:12)\n\tat com.acme.Api.post(Unknown Source)\n"
        "\tat com.acme.Main.main(Main.java)\n",
        [("com/acme/cart/Cart", 12, "pay"), ("com/acme/Api", None, "post"), ("com/acme/Main.java", None, "main")],
    ),
    "ruby, templates": (
        "app/views/cart/show.html.erb:4:in `block in _app_views': undefined method (NoMethodError)\n"
        "\tfrom /app/lib/cart.rb:40:in 'Acme::Cart#pay'\n",
        [("app/views/cart/show.html.erb", 4, "block in _app_views"), ("/app/lib/cart.rb", 40, "Acme::Cart#pay")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("trace", UNUSUAL)
def test_what_else_runtimes_print_is_read(trace: str) -> None:
    text, expected = UNUSUAL[trace]
    assert hints(text).frames[: len(expected)] == tuple(Frame(*frame) for frame in expected)


@pytest.mark.parametrize("language", TRACES)
def test_frames_come_with_the_one_that_failed_first(language: str) -> None:
    text, expected = TRACES[language]
    assert hints(text).frames == tuple(Frame(*frame) for frame in expected)


@pytest.mark.parametrize("language", TRACES)
def test_frames_that_are_not_wanted_are_taken_out(language: str) -> None:
    text, expected = TRACES[language]
    assert without_frames(text, lambda _: False) == text
    inner = Frame(*expected[0])
    rest = hints(without_frames(text, lambda frame: frame != inner)).frames
    assert [frame.path for frame in rest] == [inner.path]


def test_a_frame_without_a_place_is_taken_out() -> None:
    assert without_frames("it\n\tat a.b/c.D.run0(Native Method)\n", lambda _: False).split() == ["it"]


@pytest.mark.parametrize(
    ("said", "path", "function"),
    [
        ("--- com.acme.CartTest::testTotal", "com/acme/CartTest", "testTotal"),
        ("CartTest > total FAILED", "CartTest", "total"),
        ("total(com.acme.TestCart)  Time elapsed: 0.01 s  <<< FAILURE!", "com/acme/TestCart", "total"),
        ("[ERROR]   CartTest$Empty.total:9 expected:<3> but was:<2>", "CartTest", "total"),
        ("FAILED tests/test_cart.py::test_total - IndexError", "tests/test_cart.py", "test_total"),
    ],
)
def test_tests_that_runners_name_are_found(said: str, path: str, function: str) -> None:
    assert hints(said).tests == (Frame(path, None, function),)


def test_paths_and_their_lines_are_found_in_prose() -> None:
    told = hints("See `user_service.go:142` and src/shop/cart.py, also lib\\Acme\\Cart.cs. It is 3.5 GB, i.e. a lot.")
    assert told.paths == (Frame("user_service.go", 142), Frame("src/shop/cart.py"), Frame("lib/Acme/Cart.cs"))


def test_dotted_names_are_found() -> None:
    assert hints("shop.cart.Cart.pay() fails, shop.cart.Cart.pay").dotted == ("shop.cart.Cart.pay",)


@pytest.mark.parametrize(
    "unit",
    [
        "at ",
        "a.",
        "a/",
        "a\\",
        "at a (",
        " a.go",
        '"File ',
        "#1 a",
        "at a.b(",
        "at a(b) in ",
        "at a.b[",
        "a@",
        "\n a.go",
        "a\n",
        "in a.php",
        "panicked at '",
        "\\n\\t",
        "a.py:1: ",
        "1: a\n at ",
        "\u276f a ",
        "a.rb",
        "Test",
        "a(aTest",
        "a.aTest",
        "::a",
    ],
)
def test_four_times_as_long_a_text_takes_about_four_times_as_long(unit: str) -> None:
    def seconds(length: int) -> float:
        text = unit * (length // len(unit))
        started = time.process_time()
        hints(text)
        without_frames(text, lambda _: True)
        return time.process_time() - started

    assert seconds(32_000) < 10 * max(seconds(8_000), 0.05)
