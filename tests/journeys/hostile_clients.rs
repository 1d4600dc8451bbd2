//! Hostile clients: sockets that never send a request, bodies that never end, bytes one by one. Everyone else goes on shopping,
//! and the process takes no more memory and stops on request.

use std::fs;

use offshoot_tests::{Client, Data, Engine, Process, send_signal};
use sqlx::Connection as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Duration, Instant, sleep, timeout};

/// Begins of requests that never arrive completely.
const UNFINISHED: [&str; 4] = [
    "",
    "POST /api/v1/carts HTTP/1.1\r\nHost: x\r\n",
    "POST /api/v1/carts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
    "POST /api/v1/carts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{",
];
/// How long a test waits for an event that must come.
const PATIENCE: Duration = Duration::from_secs(60);

async fn connect(process: &Process) -> TcpStream {
    TcpStream::connect(process.address())
        .await
        .expect("the process accepts connections")
}

/// Opens sockets, each with one of the unfinished requests.
async fn besiege(process: &Process, sockets: usize) -> Vec<TcpStream> {
    let mut besiegers = Vec::new();
    for number in 0..sockets {
        let mut socket = connect(process).await;
        let begin = UNFINISHED[number % UNFINISHED.len()];
        // A socket of an earlier request may have been closed already.
        let _ = socket.write_all(begin.as_bytes()).await;
        besiegers.push(socket);
    }
    besiegers
}

async fn assert_serves(process: &Process) {
    let client = Client::new(process.url());
    client.get("/health/ready").await.expect(200);
    client.get("/api/v1/products").await.expect(200);
    client.send(client.request("POST", "/api/v1/carts")).await.expect(201);
}

#[tokio::test]
async fn unfinished_requests_take_no_places() {
    let data = Data::new(Engine::Sqlite).await;
    let few = [
        ("OFFSHOOT__PUBLIC__IN_FLIGHT", "2"),
        ("OFFSHOOT__CONNECTIONS__TOTAL", "64"),
    ];
    let process = data.serve_with(&few, &[]).await;
    process.wait_until_ready().await;
    let besiegers = besiege(&process, 200).await;
    assert_serves(&process).await;
    drop(besiegers);
    process.stop().await;
}

#[tokio::test]
async fn idle_sockets_take_no_file_descriptors_that_others_need() {
    let data = Data::new(Engine::Sqlite).await;
    let process = data.serve_under("ulimit -Hn 400; ulimit -Sn 100", &[], &[]).await;
    process.wait_until_ready().await;
    let besiegers = besiege(&process, 600).await;
    assert_serves(&process).await;
    drop(besiegers);
    process.stop().await;
}

#[tokio::test]
async fn a_body_in_single_bytes_takes_no_more_memory_than_the_body() {
    const SOCKETS: usize = 40;
    const BYTES: usize = 8 << 10;
    let data = Data::new(Engine::Sqlite).await;
    let process = data.serve(&[]).await;
    process.wait_until_ready().await;
    let before = resident_kib(&process);
    let mut sockets = Vec::new();
    for _ in 0..SOCKETS {
        let mut socket = connect(&process).await;
        socket.set_nodelay(true).expect("the option is set");
        let head = "POST /api/v1/carts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n";
        socket.write_all(head.as_bytes()).await.expect("the head is sent");
        sockets.push(socket);
    }
    // The bytes of one socket arrive one by one, because those of the others are sent in between.
    for _ in 0..BYTES {
        for socket in &mut sockets {
            // The time limit of a body closes sockets on a slow machine.
            let _ = socket.write_all(b" ").await;
        }
    }
    let grown = resident_kib(&process).saturating_sub(before);
    assert!(grown < 100 << 10, "{SOCKETS} bodies of {BYTES} bytes took {grown} KiB");
    assert_serves(&process).await;
    drop(sockets);
    process.stop().await;
}

#[tokio::test]
async fn a_body_for_operators_that_does_not_arrive_is_refused() {
    let data = Data::new(Engine::Sqlite).await;
    let process = data.serve(&[]).await;
    let mut socket = connect(&process).await;
    let head = format!(
        "PUT /admin/placement/catalog HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Length: 100\r\n\r\n{{",
        process.address(),
        data.operator_token()
    );
    socket
        .write_all(head.as_bytes())
        .await
        .expect("the half request is sent");
    let mut status = [0; 12];
    let read = timeout(PATIENCE, socket.read_exact(&mut status)).await;
    read.expect("the request is refused").expect("the response is read");
    assert_eq!(&status, b"HTTP/1.1 408");
    process.stop().await;
}

#[tokio::test]
async fn a_half_sent_request_does_not_delay_the_stop_or_fail_it() {
    let data = Data::new(Engine::Sqlite).await;
    let process = data.serve(&[]).await;
    process.wait_until_ready().await;
    let besiegers = besiege(&process, UNFINISHED.len()).await;
    let begin = Instant::now();
    process.stop().await;
    assert!(
        begin.elapsed() < Duration::from_secs(30),
        "the stop waited for the whole of `shutdown.patience`"
    );
    drop(besiegers);
}

#[tokio::test]
async fn a_response_that_nobody_reads_does_not_hold_up_others() {
    let data = Data::new(Engine::Sqlite).await;
    let few = [("OFFSHOOT__CONNECTIONS__TOTAL", "16")];
    let process = data.serve_with(&few, &[]).await;
    process.wait_until_ready().await;
    let mut silent = Vec::new();
    for _ in 0..64 {
        let mut socket = connect(&process).await;
        for _ in 0..50 {
            let request = "GET /api/v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n";
            if timeout(Duration::from_millis(20), socket.write_all(request.as_bytes()))
                .await
                .is_err()
            {
                break;
            }
        }
        silent.push(socket);
    }
    assert_serves(&process).await;
    drop(silent);
    process.stop().await;
}

#[tokio::test]
async fn a_second_signal_ends_the_process_at_once() {
    let data = Data::new(Engine::Sqlite).await;
    let process = data.serve_with(&[("OFFSHOOT__SHUTDOWN__PAUSE", "1h")], &[]).await;
    process.wait_until_ready().await;
    process.send_signal("TERM").await;
    let client = Client::new(process.url());
    process
        .wait_until("is still ready", async || {
            client.get("/health/ready").await.status == 503
        })
        .await;
    // In the pause, requests are executed, and each response closes its connection.
    let products = client.get("/api/v1/products").await;
    assert_eq!((products.status, products.header("connection")), (200, "close"));
    process.send_signal("TERM").await;
    process.expect_exit(1).await;
}

#[tokio::test]
async fn a_stop_during_the_start_is_heard() {
    let data = Data::new(Engine::Sqlite).await;
    data.run_command(&["db", "migrate"]).await.expect_success();
    // The start waits for this lock.
    let path = data.folder().join("catalog.db");
    let mut holder = sqlx::SqliteConnection::connect(&format!("sqlite:{}", path.display()))
        .await
        .expect("the file opens");
    sqlx::raw_sql("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE")
        .execute(&mut holder)
        .await
        .expect("the file is locked");
    let mut command = data.command(&["serve", "--listen", "127.0.0.1:0"]);
    let mut child = command.spawn().expect("the binary starts");
    let id = child.id().expect("the process runs");
    // Until the process listens for the signal, the signal would end the process with another status.
    let status = format!("/proc/{id}/status");
    let hears = || {
        let status = fs::read_to_string(&status).unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        caught.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).is_ok_and(|mask| mask & (1 << 14) != 0))
    };
    while !hears() {
        sleep(Duration::from_millis(10)).await;
    }
    send_signal(id, "TERM").await;
    let status = timeout(PATIENCE, child.wait()).await.expect("the process ends");
    assert_eq!(status.expect("the child is waited for").code(), Some(0));
}

#[tokio::test]
async fn a_front_stays_ready_without_a_module_that_it_does_not_need() {
    let data = Data::new(Engine::Sqlite).await;
    let away = "catalog=http://127.0.0.1:1";
    for (needs, status) in [("", 200), ("orders", 200), ("catalog", 503), ("*", 503)] {
        let front = data
            .serve_with(&[("OFFSHOOT__HEALTH__NEEDS", needs)], &["--remote", away])
            .await;
        let operator = Client::new(front.url()).with_token(data.operator_token());
        front
            .wait_until("does not serve", async || {
                let readiness = operator.get("/admin/readiness").await;
                readiness.status == status
            })
            .await;
        assert_eq!(
            Client::new(front.url()).get("/health/ready").await.status,
            status,
            "{needs}"
        );
        front.stop().await;
    }
    let unknown = data.with_environment("OFFSHOOT__HEALTH__NEEDS", "nothing");
    unknown
        .run_command(&["serve", "--listen", "127.0.0.1:0"])
        .await
        .expect_error(2, &["health.needs", "`nothing`"]);
}

/// Resident memory of a process.
fn resident_kib(process: &Process) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", process.id())).expect("the process runs");
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = resident.and_then(|text| text.split_whitespace().next()?.parse().ok());
    number.expect("the kernel tells the resident memory")
}
