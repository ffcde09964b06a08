"""Stack traces of eight languages, paths and names, out of free text."""

from __future__ import annotations

import time

import pytest

from deep_code_reasoning.source.hints import Frame, hints

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
        [("/app/cart.go", 40, None), ("/app/main.go", 12, None)],
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
        [("./src/cart.rs", 40, None), ("./src/main.rs", 12, None)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("language", TRACES)
def test_frames_come_with_the_one_that_failed_first(language: str) -> None:
    text, expected = TRACES[language]
    assert hints(text).frames == tuple(Frame(*frame) for frame in expected)


def test_paths_and_their_lines_are_found_in_prose() -> None:
    told = hints("See `user_service.go:142` and src/shop/cart.py, also lib\\Acme\\Cart.cs. It is 3.5 GB, i.e. a lot.")
    assert told.paths == (Frame("user_service.go", 142), Frame("src/shop/cart.py"), Frame("lib/Acme/Cart.cs"))


def test_dotted_names_are_found() -> None:
    assert hints("shop.cart.Cart.pay() fails, shop.cart.Cart.pay").dotted == ("shop.cart.Cart.pay",)


@pytest.mark.parametrize(
    "unit", ["at ", "a.", "a/", "a\\", "at a (", " a.go", '"File ', "#1 a", "at a.b(", "at a(b) in "]
)
def test_no_text_takes_long(unit: str) -> None:
    started = time.process_time()
    hints(unit * (100_000 // len(unit)))
    assert time.process_time() - started < 5
