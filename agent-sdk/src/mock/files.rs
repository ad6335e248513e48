//! The files of the machine that the mock pretends to run on, and their transfers over HTTP.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value, json};

use super::wire::Answer;

/// The most files, and the most transfers that are open.
const MAX_FILES: usize = 1_000;
/// The largest upload, in bytes: the agent's own limit (`docs/protocol.md`, observed by others).
pub(super) const MAX_UPLOAD: usize = 32 << 20;

/// All files by their paths, and the transfers that were opened.
#[derive(Default)]
pub(super) struct Files {
    files: BTreeMap<String, Vec<u8>>,
    transfers: HashMap<String, Transfer>,
}

/// What a token permits. Each is good for one request.
enum Transfer {
    Upload { path: String, size: Option<u64>, checksum: Option<String> },
    Download { path: String },
}

impl Files {
    pub(super) fn get(&self, path: &str) -> Option<&Vec<u8>> {
        self.files.get(path)
    }

    pub(super) fn put(&mut self, path: String, content: Vec<u8>) {
        self.files.insert(path, content);
    }

    /// Acts, if the action is one that files have to do with; `None` if it is not.
    pub(super) fn act(&mut self, action: &str, parameters: &Map<String, Value>) -> Option<Answer> {
        let text = |name: &str| parameters.get(name).and_then(Value::as_str).unwrap_or_default();
        let path = text("path");
        Some(match action {
            "read_file" => self.read(path),
            "write_file" => self.write(path, text("content")),
            "delete_file" => self.remove(path).map(|_| json!({})),
            "move_file" => {
                let overwrite = parameters.get("overwrite").and_then(Value::as_bool);
                self.rename(text("source"), text("target"), overwrite.unwrap_or_default())
            }
            "file_list" => Ok(self.list(path)),
            "file_download" => self.open(Transfer::Download { path: path.to_owned() }),
            "file_upload" => self.open(Transfer::Upload {
                path: path.to_owned(),
                size: parameters.get("size").and_then(Value::as_u64),
                checksum: parameters.get("checksum").and_then(Value::as_str).map(str::to_owned),
            }),
            _ => return None,
        })
    }

    fn read(&self, path: &str) -> Answer {
        let content = self.files.get(path).ok_or_else(|| missing(path))?;
        Ok(json!({ "path": path, "content": String::from_utf8_lossy(content) }))
    }

    fn write(&mut self, path: &str, content: &str) -> Answer {
        let size = content.len();
        let stored = self.store(path.to_owned(), content.as_bytes().to_vec());
        stored.map_err(|why| json!({ "error": why }))?;
        Ok(json!({ "path": path, "size": size }))
    }

    fn store(&mut self, path: String, content: Vec<u8>) -> Result<(), &'static str> {
        if self.files.len() >= MAX_FILES && !self.files.contains_key(&path) {
            return Err("the disk is full");
        }
        self.put(path, content);
        Ok(())
    }

    fn remove(&mut self, path: &str) -> Result<Vec<u8>, Value> {
        self.files.remove(path).ok_or_else(|| missing(path))
    }

    fn rename(&mut self, source: &str, target: &str, overwrite: bool) -> Answer {
        if !overwrite && self.files.contains_key(target) {
            return Err(json!({ "error": format!("`{target}` exists") }));
        }
        let content = self.remove(source)?;
        self.put(target.to_owned(), content);
        Ok(json!({ "path": target }))
    }

    fn list(&self, folder: &str) -> Value {
        let folder = folder.trim_end_matches('/');
        let below = |path: &str| {
            let rest = path.strip_prefix(folder);
            rest.is_some_and(|rest| folder.is_empty() || rest.is_empty() || rest.starts_with('/'))
        };
        let files = self.files.iter().filter(|(path, _)| below(path));
        let files = files.map(|(path, content)| json!({ "path": path, "size": content.len() }));
        json!({ "files": files.collect::<Vec<_>>() })
    }

    /// Opens a transfer; its token is the answer.
    fn open(&mut self, transfer: Transfer) -> Answer {
        match &transfer {
            Transfer::Download { path } if !self.files.contains_key(path) => {
                return Err(missing(path));
            }
            Transfer::Upload { size: Some(size), .. } if *size > MAX_UPLOAD as u64 => {
                return Err(
                    json!({ "error": format!("an upload has at most {MAX_UPLOAD} bytes") }),
                );
            }
            _ if self.transfers.len() >= MAX_FILES => {
                return Err(json!({ "error": "too many transfers are open" }));
            }
            _ => {}
        }
        let size = match &transfer {
            Transfer::Download { path } => self.files.get(path).map(Vec::len),
            Transfer::Upload { .. } => None,
        };
        let token =
            uuid::Builder::from_random_bytes(rand::random()).into_uuid().simple().to_string();
        self.transfers.insert(token.clone(), transfer);
        Ok(match size {
            Some(size) => json!({ "token": token, "size": size }),
            None => json!({ "token": token }),
        })
    }

    /// Takes what was uploaded; why not, if it is not what the transfer was opened for.
    pub(super) fn upload(&mut self, token: &str, content: Vec<u8>) -> Result<(), &'static str> {
        let Some(Transfer::Upload { path, size, checksum }) = self.transfers.remove(token) else {
            return Err("no upload has this token");
        };
        if size.is_some_and(|size| size != content.len() as u64) {
            return Err("it has another size than was announced");
        }
        if checksum.is_some_and(|checksum| checksum != sha256(&content)) {
            return Err("it has another checksum than was announced");
        }
        self.store(path, content)
    }

    /// Returns what is to be downloaded.
    pub(super) fn download(&mut self, token: &str) -> Option<Vec<u8>> {
        let Some(Transfer::Download { path }) = self.transfers.remove(token) else { return None };
        self.files.get(&path).cloned()
    }
}

fn missing(path: &str) -> Value {
    json!({ "error": format!("there is no file `{path}`") })
}

/// SHA-256 in hexadecimal digits.
fn sha256(content: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, content);
    data_encoding::HEXLOWER.encode(digest.as_ref())
}

/// Finds the token and the file in the body of a form (RFC 7578).
pub(super) fn read_form(content_type: &str, body: &[u8]) -> Option<(String, Vec<u8>)> {
    let boundary = content_type.split("boundary=").nth(1)?.split(';').next()?.trim_matches('"');
    let delimiter = format!("--{boundary}");
    let (mut token, mut file) = (None, None);
    let starts: Vec<usize> = memchr::memmem::find_iter(body, delimiter.as_bytes()).collect();
    for pair in starts.windows(2) {
        let part = body.get(pair[0] + delimiter.len() + 2..pair[1].checked_sub(2)?)?;
        let head_end = memchr::memmem::find(part, b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&part[..head_end]);
        let content = part[head_end + 4..].to_vec();
        if head.contains("filename=") {
            file = Some(content);
        } else if head.contains("name=\"token\"") {
            token = Some(String::from_utf8(content).ok()?);
        }
    }
    Some((token?, file?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn act(files: &mut Files, action: &str, parameters: &Value) -> Answer {
        files.act(action, parameters.as_object().unwrap()).unwrap()
    }

    #[test]
    fn what_was_written_is_read_moved_listed_and_deleted() {
        let mut files = Files::default();
        act(&mut files, "write_file", &json!({ "path": "/a", "content": "x" })).unwrap();
        let read = act(&mut files, "read_file", &json!({ "path": "/a" })).unwrap();
        assert_eq!(read["content"], "x");
        act(&mut files, "write_file", &json!({ "path": "/b", "content": "y" })).unwrap();
        let onto = json!({ "source": "/a", "target": "/b", "overwrite": false });
        assert_eq!(act(&mut files, "move_file", &onto).unwrap_err()["error"], "`/b` exists");
        let over = json!({ "source": "/a", "target": "/b", "overwrite": true });
        act(&mut files, "move_file", &over).unwrap();
        let listed = act(&mut files, "file_list", &json!({ "path": "/" })).unwrap();
        assert_eq!(listed, json!({ "files": [{ "path": "/b", "size": 1 }] }));
        act(&mut files, "delete_file", &json!({ "path": "/b" })).unwrap();
        let gone = act(&mut files, "read_file", &json!({ "path": "/b" })).unwrap_err();
        assert_eq!(gone["error"], "there is no file `/b`");
    }

    #[test]
    fn a_folder_lists_what_is_in_it_and_not_what_is_called_alike() {
        let mut files = Files::default();
        for path in ["/cfg/a", "/cfg2/b", "/c"] {
            files.put(path.to_owned(), Vec::new());
        }
        for (folder, count) in [("/cfg", 1), ("/cfg/", 1), ("/cfg/a", 1), ("/", 3), ("", 3)] {
            let listed = act(&mut files, "file_list", &json!({ "path": folder })).unwrap();
            assert_eq!(listed["files"].as_array().unwrap().len(), count, "{folder}");
        }
    }

    #[test]
    fn a_token_is_good_for_one_transfer_of_what_was_announced() {
        let mut files = Files::default();
        let open = |files: &mut Files, size: u64| {
            let parameters = json!({ "path": "/a", "size": size, "checksum": sha256(b"abc") });
            act(files, "file_upload", &parameters).unwrap()["token"].as_str().unwrap().to_owned()
        };
        let token = open(&mut files, 3);
        assert!(files.upload(&token, b"abd".to_vec()).unwrap_err().contains("checksum"));
        assert!(files.upload(&token, b"abc".to_vec()).unwrap_err().contains("token"));
        let token = open(&mut files, 4);
        assert!(files.upload(&token, b"abc".to_vec()).unwrap_err().contains("size"));
        let token = open(&mut files, 3);
        files.upload(&token, b"abc".to_vec()).unwrap();
        let token = act(&mut files, "file_download", &json!({ "path": "/a" })).unwrap();
        let token = token["token"].as_str().unwrap();
        assert_eq!(files.download(token).unwrap(), b"abc");
        assert!(files.download(token).is_none());
    }

    #[test]
    fn a_form_is_read_whatever_the_file_holds() {
        let body = b"--X\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\nt1\r\n--X\r\n\
            Content-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n\r\n\0--\r\n\r\n--X--\r\n";
        let (token, file) = read_form("multipart/form-data; boundary=X", body).unwrap();
        assert_eq!((token.as_str(), &file[..]), ("t1", &b"\r\n\0--\r\n"[..]));
        assert!(read_form("multipart/form-data", body).is_none());
    }
}
