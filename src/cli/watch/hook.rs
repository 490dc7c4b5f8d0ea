//! Running a program for a notice.

use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How often it is asked whether the program has ended.
const PAUSE: Duration = Duration::from_millis(10);

/// Runs a program with a line on its standard input, and waits until it has ended, but not longer
/// than a limit.
///
/// No shell is asked, so nothing of what a notice says is ever read as a command.  What the program
/// writes to its standard output is dropped; its errors go where those of this program go.
pub(super) fn run(
    program: &Path,
    arguments: &[String],
    line: &str,
    limit: Duration,
) -> Result<(), String> {
    let started = Instant::now();
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .map_err(|error| format!("it cannot be run: {error}"))?;
    // Whoever does not read must not hold up whoever writes.
    let stdin = child.stdin.take();
    let text = line.to_owned();
    let writer = thread::spawn(move || match stdin {
        Some(mut stdin) => stdin.write_all(text.as_bytes()),
        None => Ok(()),
    });
    let ended = wait(&mut child, started, limit);
    // It has ended or was ended, so its end of the pipe is closed.  What it has left running can
    // hold that open, and is not waited for.
    let written = if writer.is_finished() {
        writer.join().ok()
    } else {
        None
    };
    ended?;
    match written {
        // It did not want to know.
        Some(Err(error)) if error.kind() != ErrorKind::BrokenPipe => {
            Err(format!("it could not be told: {error}"))
        }
        _ => Ok(()),
    }
}

fn wait(child: &mut Child, started: Instant, limit: Duration) -> Result<(), String> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(format!("it ended with {status}")),
            Ok(None) if started.elapsed() < limit => thread::sleep(PAUSE),
            Ok(None) => {
                let ended = child.kill().and_then(|()| child.wait());
                let limit = limit.as_secs();
                return Err(match ended {
                    Ok(_) => format!("it took longer than {limit} s, and was ended"),
                    Err(error) => {
                        format!("it took longer than {limit} s, and cannot be ended: {error}")
                    }
                });
            }
            Err(error) => return Err(format!("nobody knows how it went: {error}")),
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> Result<(), String> {
        let arguments = ["-c".to_owned(), script.to_owned()];
        run(
            Path::new("/bin/sh"),
            &arguments,
            "{\"text\":\"$(false)\"}\n",
            limit,
        )
    }

    #[test]
    fn a_hook_reads_what_it_is_told_as_it_is() {
        let long = Duration::from_secs(20);
        assert_eq!(
            shell(
                "read -r line && test \"$line\" = '{\"text\":\"$(false)\"}'",
                long
            ),
            Ok(())
        );
        assert!(shell("read -r line && test \"$line\" = ''", long).is_err());
    }

    #[test]
    fn a_hook_that_fails_or_is_not_there_is_told() {
        let long = Duration::from_secs(20);
        assert_eq!(shell("true", long), Ok(()), "it need not read");
        let why = shell("exit 3", long).expect_err("it fails");
        assert!(why.contains('3'), "{why}");
        let missing = run(Path::new("/nonexistent/hook"), &[], "{}\n", long);
        assert!(
            missing
                .expect_err("it is not there")
                .contains("cannot be run")
        );
    }

    #[test]
    fn a_hook_that_takes_too_long_is_ended() {
        let started = Instant::now();
        let why = shell("exec sleep 60", Duration::from_millis(200)).expect_err("too long");
        assert!(why.contains("was ended"), "{why}");
        assert!(started.elapsed() < Duration::from_secs(30));
    }
}
