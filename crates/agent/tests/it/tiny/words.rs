//! The few words of the server's protocol that these tests need.

use std::{collections::BTreeMap, fmt::Write};

use roadstead_core::{
    Error, Kind, Result, Text,
    port::{Link, layout::Endpoint},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream},
    net::TcpStream,
};

/// A connection.
pub(crate) struct Words {
    stream: BufStream<TcpStream>,
}

/// An answer: text, or a list of texts.
pub(crate) enum Answer {
    One(String),
    Many(Vec<String>),
}

fn unreachable(error: &std::io::Error) -> Error {
    Error::new(Kind::Unreachable, Text::new("tiny-unreachable")).caused_by(error)
}

impl Words {
    pub(crate) async fn connect(link: &Link) -> Result<Self> {
        let Endpoint::Tcp(host, port) = &link.endpoint else { panic!("tiny answers on TCP") };
        let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(|error| unreachable(&error))?;
        let mut words = Self { stream: BufStream::new(stream) };
        if let Some(password) = &link.password {
            words.ask(&["AUTH", password.expose()]).await?;
        }
        Ok(words)
    }

    pub(crate) async fn ask(&mut self, words: &[&str]) -> Result<Answer> {
        let mut sent = format!("*{}\r\n", words.len());
        for word in words {
            write!(sent, "${}\r\n{word}\r\n", word.len()).expect("a string takes all");
        }
        let wrote = self.stream.write_all(sent.as_bytes()).await;
        wrote.map_err(|error| unreachable(&error))?;
        self.stream.flush().await.map_err(|error| unreachable(&error))?;
        self.answer().await
    }

    async fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        let read = self.stream.read_line(&mut line).await.map_err(|error| unreachable(&error))?;
        if read == 0 {
            return Err(Error::new(Kind::Unreachable, Text::new("tiny-closed")));
        }
        Ok(line.trim_end().to_owned())
    }

    async fn answer(&mut self) -> Result<Answer> {
        let line = self.line().await?;
        let (mark, rest) = line.split_at(1);
        match mark {
            "*" => {
                let mut all = Vec::new();
                for _ in 0..rest.parse::<usize>().expect("a count") {
                    let head = self.line().await?;
                    all.push(self.bulk(&head[1..]).await?);
                }
                Ok(Answer::Many(all))
            }
            "$" => Ok(Answer::One(self.bulk(rest).await?)),
            "-" if rest.starts_with("LOADING") => Err(Error::new(Kind::Busy, Text::new("tiny-loading"))),
            "-" if rest.contains("AUTH") || rest.contains("WRONGPASS") => {
                Err(Error::new(Kind::Denied, Text::new("tiny-denied").with("why", rest)))
            }
            "-" => Err(Error::new(Kind::Failed, Text::new("tiny-failed").with("why", rest))),
            _ => Ok(Answer::One(rest.to_owned())),
        }
    }

    async fn bulk(&mut self, length: &str) -> Result<String> {
        let mut bytes = vec![0; length.parse::<usize>().expect("a length") + 2];
        self.stream.read_exact(&mut bytes).await.map_err(|error| unreachable(&error))?;
        bytes.truncate(bytes.len() - 2);
        Ok(String::from_utf8(bytes).expect("text"))
    }

    /// All keys with their values.
    pub(crate) async fn all(&mut self) -> Result<BTreeMap<String, String>> {
        let Answer::Many(keys) = self.ask(&["KEYS", "*"]).await? else { panic!("a list of keys") };
        let mut all = BTreeMap::new();
        for key in keys {
            let Answer::One(value) = self.ask(&["GET", &key]).await? else { panic!("a value") };
            all.insert(key, value);
        }
        Ok(all)
    }
}
